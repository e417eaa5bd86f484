"""Registrations: mostly big mail providers, payment only with a plan that costs."""

from collections import Counter
from random import Random

from stillhouse.range.identity.registration import account_id, instant, own_domain, registered


def test_what_is_given_stays() -> None:
    found = registered(Random(1), "x", 0, domain="d.example", payment="tok_1", plan="pro")
    assert found["created"] == "1970-01-01T00:00:00Z" == instant(999)
    assert (found["email_domain"], found["payment"], found["plan"]) == ("d.example", "tok_1", "pro")


def test_few_providers_have_most_people_and_only_the_free_plan_has_no_payment() -> None:
    found = [registered(Random(number), f"p{number}", 0) for number in range(1500)]
    domains = Counter(one["email_domain"] for one in found)
    assert sum(count for _, count in domains.most_common(5)) > 0.78 * len(found) and len(domains) > 150
    assert all(domain.endswith(".example") for domain in domains)
    assert all((one["payment"] is None) == (one["plan"] == "free") for one in found)
    tokens = [one["payment"] for one in found if one["payment"]]
    assert len(set(tokens)) == len(tokens)


def test_an_account_id_is_of_its_name_alone() -> None:
    assert account_id("a", 1) == account_id("a/1") != account_id("a", 2)
    assert len(account_id("a")) == len("acct_") + 12
    assert own_domain("a") == own_domain("a") != own_domain("b")
