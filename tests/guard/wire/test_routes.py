"""Which path is which API, and what a client is told where there is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.wire import (
    Chat,
    Completions,
    CountTokens,
    Embeddings,
    Messages,
    Responses,
    Wire,
    family_of,
    find_route,
    methods_of,
)
from tests.guard.wire.feeding import many


@pytest.mark.parametrize("prefix", ["/v1", ""])
@pytest.mark.parametrize(
    ("path", "wire"),
    [
        ("/chat/completions", Chat),
        ("/responses", Responses),
        ("/completions", Completions),
        ("/embeddings", Embeddings),
        ("/messages", Messages),
        ("/messages/count_tokens", CountTokens),
    ],
)
def test_questions(prefix: str, path: str, wire: type[Wire]) -> None:
    route = find_route("POST", prefix + path)
    assert (route.operation, type(route.wire), route.path, route.id) == ("ask", wire, path, None)
    assert find_route("POST", prefix + path) is route
    assert methods_of(prefix + path) == ("POST",)


@pytest.mark.parametrize("prefix", ["/v1", ""])
@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/responses/resp_1-A", "retrieve"),
        ("DELETE", "/responses/resp_1-A", "delete"),
        ("POST", "/responses/resp_1-A/cancel", "cancel"),
        ("GET", "/responses/resp_1-A/input_items", "input_items"),
    ],
)
def test_kept_responses(prefix: str, method: str, path: str, operation: str) -> None:
    route = find_route(method, prefix + path)
    assert (route.operation, route.path, route.id) == (operation, path, "resp_1-A")
    assert isinstance(route.wire, Responses)


@pytest.mark.parametrize("prefix", ["/v1", ""])
def test_models(prefix: str) -> None:
    route = find_route("GET", f"{prefix}/models")
    assert (route.operation, route.wire, route.id) == ("models", None, None)
    for name in ("small", "org/large", "a:b"):
        route = find_route("GET", f"{prefix}/models/{name}")
        assert (route.operation, route.wire, route.id) == ("model", None, name)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", ("POST",)),
        ("HEAD", "/v1/models", ("GET",)),
        ("OPTIONS", "/v1/messages", ("POST",)),
        ("post", "/v1/messages", ("POST",)),
        ("PUT", "/v1/responses/resp_1", ("GET", "DELETE")),
        ("GET", "/v1/responses/resp_1/cancel", ("POST",)),
        ("DELETE", "/v1/models/small", ("GET",)),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(method: str, path: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(Refusal) as error:
        find_route(method, path)
    assert (error.value.kind, error.value.rule) == ("method", "path.method")
    assert error.value.message == f"This path takes only {' and '.join(allowed)}."
    assert methods_of(path) == allowed


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1",
        "/v2/chat/completions",
        "/v1/v1/chat/completions",
        "/v1/chat/completions/",
        "/v1/chat",
        "/v1models/a",
        "/v1/models/",
        "/v1/responses/",
        "/v1/responses/..",
        "/v1/responses/a/b",
        "/v1/responses/a/../b",
        "/v1/responses/a/cancel/",
        "/v1/responses/a%2Fcancel",
        "/v1/responses/a\n",
        "/v1/responses/a?b",
        "/v1/responses/" + "a" * 1025,
        "/v1/models/" + "a" * 257,
        "/v1/responses/compact",
        "/v1/responses/input_tokens",
        "/v1/files",
    ],
)
def test_an_unknown_path(path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        with pytest.raises(Refusal) as error:
            find_route(method, path)
        assert (error.value.kind, error.value.rule) == ("not_found", "path.unknown")
    assert methods_of(path) == ()


@many
@given(
    st.sampled_from(("GET", "POST", "DELETE", "HEAD", "X")),
    st.text(max_size=12),
    st.sampled_from(("", "/v1", "/v1/responses/")),
)
def test_any_path_is_found_or_refused(method: str, text: str, before: str) -> None:
    try:
        find_route(method, before + text)
    except Refusal as error:
        assert error.kind in ("not_found", "method")


@pytest.mark.parametrize(
    ("path", "header", "family"),
    [
        ("/v1/chat/completions", False, "openai"),
        ("/v1/chat/completions", True, "openai"),
        ("/v1/messages", False, "anthropic"),
        ("/messages/count_tokens", False, "anthropic"),
        ("/v1/messages/batches", False, "anthropic"),
        ("/v1/models", False, "openai"),
        ("/v1/models", True, "anthropic"),
        ("/v1/models/small", True, "anthropic"),
        ("/v1/responses/resp_1", False, "openai"),
        ("/nowhere", False, "openai"),
        ("/nowhere", True, "anthropic"),
    ],
)
def test_whose_errors_a_client_understands(path: str, header: bool, family: str) -> None:
    assert family_of(path, header) == family
