"""Judges over real HTTP, with a real model behind llama.cpp.

The bundled model is far too small to judge well. What it shows is the way: that a server keeps to the schemas, and that
judgements come back whole through client, cache and parser.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stillhouse.distill.judges.base import Judgement
from stillhouse.distill.judges.registry import judge
from stillhouse.distill.judges.settings import (
    Criterion,
    CritiqueSettings,
    JudgeSettings,
    RankingSettings,
    RubricSettings,
)
from stillhouse.models.endpoint import EndpointSettings
from stillhouse.models.http import HttpModel, Usage
from tests.distill.judges.readers import prompt
from tests.servers import llama_server, packaged_gguf

ANSWERS = ["2 + 2 is 4.", "It is 5, I think.", "It is 5, I think.", "Bananas are yellow."]
RUBRIC = RubricSettings(
    criteria=(
        Criterion(name="correct", description="The answer is right.", weight=0.5),
        Criterion(name="clear", description="It is easy to read.", weight=0.5),
    ),
    max_tokens=160,
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with llama_server(packaged_gguf()) as url:
        yield url


def judged(url: str, settings: JudgeSettings, cache: Path) -> tuple[list[Judgement], Usage]:
    async def over_http() -> tuple[list[Judgement], Usage]:
        endpoint = EndpointSettings(base_url=url, concurrency=4)
        async with HttpModel("smollm2", endpoint, account="test", cache=cache, log=None, environ=os.environ) as model:
            said = await judge(settings, model).judge(prompt(), ANSWERS, seed=0)
            return said, model.usage

    return asyncio.run(over_http())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "calls"),
    [
        (RUBRIC, 3),
        (RankingSettings(max_tokens=160), 2),
        (CritiqueSettings(max_tokens=60), 6),
    ],
    ids=["rubric", "list", "critique"],
)
def test_a_served_model_judges(url: str, settings: JudgeSettings, calls: int, tmp_path: Path) -> None:
    said, usage = judged(url, settings, tmp_path)
    assert usage.calls >= calls
    assert said[2].score == said[1].score and said[2].detail == {"same_as": 1}
    assert all(one.score is not None and 0 <= one.score <= 1 for one in said)
    again, then = judged(url, settings, tmp_path)
    assert again == said and then.calls == 0 and then.cache_hits == usage.calls
