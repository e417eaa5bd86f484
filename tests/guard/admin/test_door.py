"""Who gets in: programs with the token, and no web page."""

import pytest

from stillhouse.guard.state.open import State
from tests.guard.admin.conftest import TOKEN, opened


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN} ", 200),
        (None, 401),
        ("Bearer", 401),
        ("Bearer t0ke", 401),
        ("Bearer t0kenn", 401),
        ("Bearer \xff", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
    ],
)
def test_the_token(calm_state: State, shown: str | None, status: int) -> None:
    headers = [] if shown is None else [(b"authorization", shown.encode("latin-1"))]
    with opened(calm_state, TOKEN.encode()) as desk:
        for path in ("/v1/status", "/v1/openapi.json", "/v1/nothing"):
            answer = desk.client.get(path, headers=headers)
            assert answer.status_code == (404 if status == 200 and path == "/v1/nothing" else status)
            if status == 401:
                assert answer.headers["www-authenticate"] == "Bearer" and TOKEN not in answer.text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8081", 200),
        ("127.0.0.1", 200),
        ("localhost:8081", 200),
        ("LOCALHOST", 200),
        ("[::1]:8081", 200),
        ("[::1]", 200),
        ("guard.internal:8081", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example", 403),
        ("192.0.2.1", 403),
        ("[2001:db8::1]:8081", 403),
        ("", 403),
    ],
)
def test_the_name_that_it_is_reached_by(calm_state: State, host: str, status: int) -> None:
    with opened(calm_state, hosts=["guard.internal"]) as desk:
        assert desk.client.get("/v1/status", headers={"host": host}).status_code == status


def test_with_a_token_and_no_names_given_any_name_will_do(calm_state: State) -> None:
    shown = {"authorization": f"Bearer {TOKEN}", "host": "10.0.0.7:8081"}
    for hosts, status in (((), 200), (["guard"], 403)):
        with opened(calm_state, TOKEN.encode(), hosts=hosts) as desk:
            assert desk.client.get("/v1/status", headers=shown).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:8081"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 403),
        ({"sec-fetch-site": "none"}, 200),
    ],
)
def test_web_pages_do_not_get_in(calm_state: State, headers: dict[str, str], status: int) -> None:
    with opened(calm_state) as desk:
        assert desk.client.get("/v1/status", headers=headers).status_code == status
        if status == 403:
            answer = desk.client.post("/v1/reload", headers=headers)
            assert answer.status_code == 403 and desk.process.reloads == 0
