"""Software: what it shows and sends belongs together."""

from collections import Counter
from random import Random

import pytest

from stillhouse.range.identity.clients import client_of, library, personal_software, sampling
from stillhouse.range.identity.network import Place
from stillhouse.types import Api

PLACE = Place("240.0.0.1", 4_200_000_000, "DE")


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        ("chat.completions", {"temperature": 0.2, "max_tokens": 9, "stream": True}),
        ("messages", {"temperature": 0.2, "max_tokens": 9, "stream": True}),
        ("responses", {"temperature": 0.2, "max_output_tokens": 9, "stream": True}),
    ],
)
def test_settings_have_the_names_of_the_api(api: Api, expected: dict[str, object]) -> None:
    assert sampling(api, temperature=0.2, limit=9, stream=True) == expected


def test_what_is_not_set_is_not_sent_but_messages_need_a_limit() -> None:
    assert sampling("chat.completions") == {} and sampling("messages") == {"max_tokens": 1024}


def test_people_use_several_apis_and_programs() -> None:
    found = [personal_software(Random(number), None) for number in range(600)]
    apis = Counter(software.api for software in found)
    assert set(apis) == {"chat.completions", "responses", "messages"} and min(apis.values()) > 40
    assert len({software.user_agent for software in found}) > 20
    assert all(("max_tokens" in software.settings) for software in found if software.api == "messages")
    assert personal_software(Random(1), "You are a cook.").system == "You are a cook."


def test_a_library_speaks_its_api() -> None:
    assert library(Random(1), "messages").user_agent.startswith("anthropic-python/")
    assert library(Random(1), "completions").user_agent.startswith("openai-python/")
    assert library(Random(1), "chat.completions").harness is None


def test_the_fingerprint_is_that_of_the_library() -> None:
    one = library(Random(1), "messages")._replace(user_agent="openai-python/2.6.1")
    same = one._replace(user_agent="openai-python/2.9.0")
    other = one._replace(user_agent="curl/8.7.1")
    prints = [client_of(software, PLACE)["ja4"] for software in (one, same, other)]
    assert prints[0] == prints[1] != prints[2]
    assert client_of(one, PLACE) | {"ja4": None} == {
        "ip": "240.0.0.1", "asn": 4_200_000_000, "country": "DE", "user_agent": "openai-python/2.6.1", "ja4": None,
        "harness": None,
    }  # fmt: skip
