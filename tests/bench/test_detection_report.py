"""What the recipe shows of the tables, on a terminal and on one page."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.detection_tasks import OURS
from recipes.detection.amounts import percent
from recipes.detection.blocks import blocks
from recipes.detection.page import render
from recipes.detection.plots import shown_methods

ABOUT = {"commit": "abc", "versions": {"stillhouse": "0"}, "machine": {"cpu": "a processor", "cores": 2}}


def test_shares_are_never_rounded_to_none_or_all() -> None:
    assert [percent(value) for value in (0, 0.00004, 0.034, 0.5, 0.9999, 1.0, None)] == [
        "0 %", "0.004 %", "3.4 %", "50 %", "99.99 %", "100 %", "none",
    ]  # fmt: skip


def test_one_method_of_each_family_and_a_fair_one_first(found: dict[str, Any]) -> None:
    _, ours, fair, hits_all = found["methods"]
    family = [ours, {**fair, "method": "MMD, fair"}, {**hits_all, "method": "MMD, hits all"}]
    assert shown_methods(family) == [OURS, "MMD, fair"]
    assert shown_methods([ours, {**hits_all, "method": "MMD, hits all"}]) == [OURS, "MMD, hits all"]


def test_every_table_has_its_lines(found: dict[str, Any]) -> None:
    told = "\n".join(blocks(found)).split("\n")
    assert told[0].startswith("2 worlds: 4,000 exchanges, 1,500 honest accounts")
    assert next(line for line in told if line.startswith("hits all")).split()[-3:] == ["900", "of", "1,000"]
    assert any(line.startswith("1 of 50,000 accounts, 500 groups") for line in told)
    widths = [len(line) for line in told[2:6]]
    assert len(set(widths)) == 1


def test_the_page_needs_nothing_else(found: dict[str, Any]) -> None:
    page = render(found, "given", ABOUT, "python -m recipes.detection.run")
    assert "text that was seen while the detector was made" in page
    assert "2 of 3 campaigns found, 1 of 1,500 honest accounts suspended" in page
    assert page.count('<svg role="img"') == 3
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)


def test_a_page_without_baselines_or_campaigns(found: dict[str, Any]) -> None:
    first = {**found["methods"][0], "campaigns": None}
    nothing = {"methods": [first], "strategies": [], "compared": [], "references": [], "courses": {}, "innocents": []}
    page = render({**found, **nothing}, "packaged", ABOUT, "python -m recipes.detection.run")
    assert "1 of 1,500 honest accounts suspended" in page
    assert page.count('<svg role="img"') == 1


def test_what_the_recipe_cannot_use_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("something else")
    corpus, out = ("--corpus", str(tmp_path / "nowhere")), ("--out", str(tmp_path / "out"))
    for given, words in (
        ((*corpus, *out), "no such folder"),
        (("--out", str(tmp_path)), "is not empty; give a new --out"),
    ):
        command = [sys.executable, "-m", "recipes.detection.run", *given]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        assert told.returncode == 2 and words in told.stderr and told.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
