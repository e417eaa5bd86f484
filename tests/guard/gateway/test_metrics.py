"""What a scraper reads of detection."""

from stillhouse.guard.gateway.metrics import Metrics
from stillhouse.guard.live.status import Status


def test_drift_and_absent_fields_are_on_the_page() -> None:
    metrics = Metrics()
    metrics.detection(Status("following", drift_accounts=160, drift_low=60, drift_p=1e-9, drift_alarm=True))
    page = metrics.page().decode()
    for line in ("accounts 160.0", "low 60.0", "p 1e-09", "alarm 1.0"):
        assert f"stillhouse_detection_drift_{line}\n" in page
    assert "stillhouse_detection_absent{" not in page


def test_a_field_that_comes_is_absent_no_more() -> None:
    metrics = Metrics()
    metrics.detection(Status("following", absent=("client.asn", "client.ip")))
    metrics.detection(Status("following", absent=("client.asn",)))
    page = metrics.page().decode()
    assert 'stillhouse_detection_absent{field="client.asn"} 1.0' in page and "client.ip" not in page
