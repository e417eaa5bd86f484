"""Who is let in, and what a decision does, over HTTP."""

import threading
import time

import pytest

from stillhouse.guard.access.entities import Account, Organisation
from tests.guard.gateway.conftest import Front
from tests.guard.stub import chat_answer, chat_chunks, json_answer, stream


@pytest.fixture(autouse=True)
def well(front: Front) -> None:
    front.stub.script = lambda asked: json_answer(chat_answer())


def refused(front: Front, key: str, rule: str, status: int, **body: object) -> dict[str, object]:
    answer = front.ask(key, dict(body))
    assert (answer.status_code, answer.headers["stillhouse-rule"]) == (status, rule), answer.text
    error: dict[str, object] = answer.json()["error"]
    assert error["code"] == rule
    return error


def test_no_key_no_service(front: Front) -> None:
    url = front.gateway.url + "/v1/chat/completions"
    for headers, rule in (
        ({}, "key.missing"),
        ({"authorization": "Basic abc"}, "key.missing"),
        ({"authorization": "Bearer sk-sh-nobody"}, "key.unknown"),
        ({"x-api-key": "sk-sh-nobody"}, "key.unknown"),
    ):
        answer = front.client.post(url, json={}, headers=headers)
        assert (answer.status_code, answer.headers["stillhouse-rule"]) == (401, rule)
    assert front.client.get(front.gateway.url + "/v1/models").status_code == 401


def test_a_key_is_taken_from_either_header(front: Front) -> None:
    key = front.key()
    body = {"model": "served", "max_tokens": 5, "messages": [{"role": "user", "content": "a"}]}
    answer = front.client.post(front.gateway.url + "/v1/messages", json=body, headers={"x-api-key": key})
    assert answer.status_code == 200 and front.stub.asked[-1].path == "/v1/messages"
    assert "x-api-key" not in front.stub.asked[-1].headers


def test_a_revoked_or_expired_key_is_refused(front: Front) -> None:
    made = front.state.registry.create_key(front.account())
    front.seen()
    assert front.ask(made.secret).status_code == 200
    front.state.registry.revoke_key(made.key.id)
    front.seen()
    refused(front, made.secret, "key.revoked", 401)
    short = front.state.registry.create_key(front.account(), expires=time.time() + 1.0)
    front.seen()
    assert front.ask(short.secret).status_code == 200
    time.sleep(1.1)
    refused(front, short.secret, "key.expired", 401)


def test_closed_accounts_and_organisations(front: Front) -> None:
    front.state.registry.create_organisation(Organisation(id="gone"))
    front.state.registry.create_account(Account(id="gone_1", organisation="gone"))
    secret = front.state.registry.create_key("gone_1").secret
    front.state.registry.close_account("gone_1")
    front.seen()
    assert refused(front, secret, "account.closed", 403)["link"] == "https://example.org/appeal"
    front.state.registry.create_account(Account(id="gone_2", organisation="gone"))
    secret = front.state.registry.create_key("gone_2").secret
    front.state.registry.close_organisation("gone")
    front.seen()
    refused(front, secret, "organisation.closed", 403)


def test_places_of_an_organisation(front: Front) -> None:
    front.state.registry.create_organisation(Organisation(id="away", ip_allow=("203.0.113.0/24",)))
    key = front.key(organisation="away")
    asked = len(front.stub.asked)
    assert refused(front, key, "ip.not_allowed", 403)["message"]
    front.state.registry.create_organisation(Organisation(id="land", countries_allow=("DE",)))
    assert refused(front, front.key(organisation="land"), "country.not_allowed", 403)["message"]
    assert len(front.stub.asked) == asked


def test_models_of_an_organisation(front: Front) -> None:
    front.state.registry.create_organisation(Organisation(id="few", models=("other",)))
    key = front.key(organisation="few")
    refused(front, key, "model.not_allowed", 403)
    listed = front.client.get(front.gateway.url + "/v1/models", headers={"x-api-key": key})
    assert [model["id"] for model in listed.json()["data"]] == ["other"]


def test_parameters_that_show_more_than_answers(front: Front) -> None:
    key = front.key("closed")
    refused(front, key, "policy.logprobs", 403, logprobs=True)
    refused(front, key, "policy.max_n", 403, n=3)
    answer = front.ask(key, {"seed": 7})
    assert answer.headers["stillhouse-policy"] == "seed=stripped" and "seed" not in front.stub.asked[-1].body
    refused(front, front.key(), "policy.logprobs_with_logit_bias", 403, logprobs=True, logit_bias={"5": 1})


def test_requests_a_minute(front: Front) -> None:
    key = front.key("small")
    answers = [front.ask(key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["stillhouse-rule"] == "limit.account.requests_per_minute"
    assert int(answers[2].headers["retry-after"]) >= 1
    assert answers[1].headers["x-ratelimit-remaining-requests"] == "0"


def test_requests_at_once(front: Front) -> None:
    front.stub.script = lambda asked: [0.5, *json_answer(chat_answer())]
    key = front.key("one")
    found = []
    first = threading.Thread(target=lambda: found.append(front.ask(key).status_code))
    first.start()
    time.sleep(0.2)
    assert front.ask(key).headers["stillhouse-rule"] == "limit.account.concurrent"
    first.join()
    assert found == [200] and front.ask(key).status_code == 200


def test_a_plan_that_is_not_set_up_gives_nothing(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front.state.registry, "settings", None)  # as if guard.yaml had had it then
    asked = len(front.stub.asked)
    said = refused(front, front.key("vanished"), "plan.unknown", 403)
    assert said["link"] == "https://example.org/appeal" and len(front.stub.asked) == asked


def test_a_slot_is_free_once_the_client_has_its_answer(front: Front) -> None:
    front.stub.script = lambda asked: stream(chat_chunks(["a "]))
    key = front.key("one")
    assert [front.ask(key, {"stream": True}).status_code for _ in range(20)] == [200] * 20


def test_a_spent_budget(front: Front) -> None:
    key = front.key("poor")
    assert front.ask(key).status_code == 200  # 15 tokens at 100 a million: 0.0015 of 0.001
    refused(front, key, "budget.per_day", 402)


@pytest.mark.parametrize("action", ["verify", "suspend", "remove"])
def test_a_decision_that_refuses(front: Front, action: str) -> None:
    name = front.account()
    key = front.key_of(name)
    front.state.registry.set_action(name, action, reason="Linked to a campaign.")
    front.seen()
    error = refused(front, key, f"action.{action}", 403)
    assert "Linked to a campaign." in str(error["message"]) and error["link"] == "https://example.org/appeal"
    front.state.registry.restore(name, reason="appeal granted")
    front.seen()
    assert front.ask(key).status_code == 200


def test_slow_is_slow_and_says_so(front: Front) -> None:
    name = front.account()
    key = front.key_of(name)
    front.state.registry.set_action(name, "slow")
    front.seen()
    begun = time.monotonic()
    answer = front.ask(key)
    assert time.monotonic() - begun > 0.3 and answer.headers["stillhouse-action"] == "slow"


def test_strip_takes_logprobs_and_reasoning_away(front: Front) -> None:
    def script(asked: object) -> object:
        answer = chat_answer()
        answer["choices"][0]["message"]["reasoning_content"] = "secret thoughts"
        return json_answer(answer)

    front.stub.script = script  # type: ignore[assignment]
    name = front.account()
    key = front.key_of(name)
    assert "secret thoughts" in front.ask(key).text
    front.state.registry.set_action(name, "strip")
    front.seen()
    answer = front.ask(key, {"logprobs": True})
    assert answer.status_code == 200 and "secret thoughts" not in answer.text
    assert answer.headers["stillhouse-policy"] == "logprobs=stripped, reasoning=stripped"
    assert "logprobs" not in front.stub.asked[-1].body


def test_an_action_on_a_campaign_holds_for_each_account(front: Front) -> None:
    keys, names = [], []
    for _ in range(3):
        names.append(front.account())
        keys.append(front.key_of(names[-1]))
    front.state.registry.set_campaign_action("c1", names[:2], "suspend")
    front.seen()
    assert [front.ask(key).status_code for key in keys] == [403, 403, 200]
    front.state.registry.restore_campaign("c1")
    front.seen()
    assert [front.ask(key).status_code for key in keys] == [200] * 3


def test_wrong_keys_make_only_wrong_keys_wait(front: Front) -> None:
    good = front.key()
    answers = [front.ask("sk-sh-nobody") for _ in range(70)]
    assert answers[-1].headers["stillhouse-rule"] == "key.too_many_failures" and answers[-1].status_code == 429
    assert front.ask(good).status_code == 200


def test_a_mistyped_key_is_told_so(front: Front) -> None:
    answer = front.ask(front.key()[:-1])
    assert answer.headers["stillhouse-rule"] in ("key.unknown", "key.too_many_failures")


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"previous_response_id": "resp_of_another"}, "blob.unsealed"),
        ({"conversation": "conv_of_another"}, "blob.unsealed"),
        ({"input": [{"type": "item_reference", "id": "rs_of_another"}]}, "blob.unsealed"),
        ({"background": True}, "responses.background"),
    ],
)
def test_ids_are_not_followed_where_they_are_not_sealed(front: Front, body: dict[str, object], rule: str) -> None:
    asked = {"model": "served", "input": "And?", **body}
    headers = {"authorization": f"Bearer {front.key()}"}
    before = len(front.stub.asked)
    answer = front.client.post(front.gateway.url + "/v1/responses", json=asked, headers=headers)
    assert answer.headers["stillhouse-rule"] == rule and len(front.stub.asked) == before


def test_a_picture_is_not_counted_as_text(front: Front) -> None:
    url = "data:image/png;base64," + "iVBORw0KGgo" * 5000
    message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    answer = front.ask(front.key("thrifty"), {"messages": [message], "max_tokens": 10})
    assert answer.status_code == 200, answer.text
    refused(front, front.key("thrifty"), "limit.account.tokens_per_minute", 429, max_tokens=9000)
