"""The list of models, in both families' forms, as their libraries read it."""

import pytest
from anthropic.pagination import SyncPage as AnthropicPage
from anthropic.types import ModelInfo
from openai.pagination import SyncPage as OpenAIPage
from openai.types import Model

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.wire import ModelList

MODELS = ModelList(["small", "org/large"])


def test_openais_page() -> None:
    page = OpenAIPage[Model].model_validate_json(MODELS.page("openai"))
    assert page.object == "list"
    assert [(model.id, model.object, model.owned_by, model.created) for model in page.data] == [
        ("small", "model", "stillhouse", 0),
        ("org/large", "model", "stillhouse", 0),
    ]


def test_anthropics_page() -> None:
    page = AnthropicPage[ModelInfo].model_validate_json(MODELS.page("anthropic"))
    assert (page.has_more, page.first_id, page.last_id) == (False, "small", "org/large")
    assert [(model.id, model.type, model.display_name) for model in page.data] == [
        ("small", "model", "small"),
        ("org/large", "model", "org/large"),
    ]
    assert page.data[0].created_at.year == 1970


def test_an_empty_page() -> None:
    none = ModelList([])
    assert OpenAIPage[Model].model_validate_json(none.page("openai")).data == []
    page = AnthropicPage[ModelInfo].model_validate_json(none.page("anthropic"))
    assert (page.data, page.first_id, page.last_id) == ([], None, None)


def test_one_model() -> None:
    assert Model.model_validate_json(MODELS.entry("openai", "org/large")).id == "org/large"
    assert ModelInfo.model_validate_json(MODELS.entry("anthropic", "small")).lifecycle == "active"


def test_a_model_that_is_not_served() -> None:
    with pytest.raises(Refusal) as error:
        MODELS.entry("openai", "Small")
    assert (error.value.kind, error.value.rule, error.value.param) == ("not_found", "model.unknown", "model")
