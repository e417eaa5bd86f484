"""The report: its numbers, its words about what is missing, and that it needs nothing from elsewhere."""

import json
import re
import shutil
import struct
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from stillhouse.distill.evidence import read_evidence
from stillhouse.distill.report import render, write_report
from stillhouse.distill.report.amounts import count_text, duration_text, flops_text, parameters_text
from stillhouse.distill.report.panels import panels
from stillhouse.distill.report.plots import running_mean
from stillhouse.distill.report.spending import spending
from tests.distill.example_run import EVALUATION, SAMPLES, as_lines, manifest, steps, write_example_run

CHROMIUM = shutil.which("chromium")


class Page(HTMLParser):
    """What the tests ask of a page: its text, the attributes of each tag, the tags that were left open."""

    VOID = frozenset({"meta", "link", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_example_run(tmp_path / "run")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    run = write_example_run(tmp_path_factory.mktemp("report") / "run")
    return write_report(run).read_text(encoding="utf-8")


def test_every_tag_is_closed(whole: str) -> None:
    assert Page(whole).open == []


def test_values_and_intervals_of_the_evaluation(whole: str) -> None:
    text = Page(whole).text
    for value, interval in [
        ("3.413", "3.287 to 3.540"),
        ("0.935", "0.889 to 0.981"),
        ("64.7 %", "63.0 to 66.4 %"),
        ("1.5 %", "0.0 to 3.5 %"),
        ("54.2", "51.0 to 57.3"),
    ]:
        assert f"{value} {interval}" in text
    assert "percentile bootstrap over prompts, 2000" in text


def test_before_after_and_teacher_are_in_their_own_columns(whole: str) -> None:
    body = whole[whole.index('<table class="results"') :]
    row = body[body.index("KL to the teacher") : body.index("On-policy KL")]
    cells = re.findall(r'data-label="([^"]*)"><b>([^<]*)</b>', row)
    assert cells == [("Student before", "3.413"), ("Student after", "0.935"), ("Teacher", "0.000")]


def test_verdict_is_that_of_the_numbers(whole: str) -> None:
    assert '<section class="verdict better"' in whole
    assert "KL to the teacher fell from 3.413 to 0.935, 27\u00a0% of its value before" in whole


def test_sample_text_is_escaped(whole: str) -> None:
    assert "<script" not in whole
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; close it." in whole
    assert SAMPLES[1]["teacher"] in "".join(Page(whole).words)


def test_finish_reasons_are_shown(whole: str) -> None:
    text = Page(whole).text
    assert "Student before stopped for repeating The sky is the sky" in text
    assert "Student after cut at the cap Write <b>bold</b>" in text
    assert "Student before ended its turn an empty answer" in text


def test_nothing_is_loaded_from_elsewhere(whole: str) -> None:
    for tag, attributes in Page(whole).attributes:
        for name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
            if name in attributes:
                assert str(attributes[name]).startswith(("#", "data:,")), (tag, name, attributes[name])
    assert "@import" not in whole
    assert re.findall(r"url\((?!#)", whole) == []
    assert re.findall(r"https?://", whole) == []
    assert "default-src 'none'" in whole


def test_ids_are_unique_and_references_resolve(whole: str) -> None:
    ids = [attributes["id"] for _, attributes in Page(whole).attributes if "id" in attributes]
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    referred = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"|aria-labelledby="([^"]+)"', whole)
    assert referred
    assert {"".join(found) for found in referred} <= set(ids)


def test_pictures_follow_the_colours_of_the_page(whole: str) -> None:
    pictures = re.findall(r"<svg.*?</svg>", whole, flags=re.DOTALL)
    assert len(pictures) == 9 + 5 + 1
    for picture in pictures:
        assert set(re.findall(r"(?:fill|stroke): ([^;\"]+)", picture)) <= {"none"} | {
            f"var(--c-{name})" for name in re.findall(r"--c-(\w+):", whole)
        }


def test_pictures_and_tables_say_what_they_are(whole: str) -> None:
    tags = Page(whole).attributes
    assert all(a["role"] == "img" and a["aria-label"] for tag, a in tags if tag == "svg")
    assert all(a["scope"] in ("row", "col") for tag, a in tags if tag == "th")
    labels = {a["aria-label"] for tag, a in tags if tag == "svg"}
    assert "Share of the training time: rollout 42 %, teacher 16 %, student 36 %, optimizer 5 %, other 1 %" in labels


def test_provenance(whole: str) -> None:
    text = Page(whole).text
    built = manifest()
    assert f"Permission to learn from it {built['teacher']['permission']}" in text
    assert built["teacher"]["weights_digest"] in text
    assert "layers kept: 0 1 2 3 5 8 11 14 17 20 23 26 28 29" in text
    for record in built["prompts"]:
        assert record["digest"] in text
    assert "stillhouse distill run quickstart.yaml steps=120 --out 'runs/first run'" in text
    assert "repetition_stop: 24" in text


def test_same_evidence_same_page(run: Path) -> None:
    evidence = read_evidence(run)
    assert render(evidence) == render(evidence)


def test_interrupted_run_says_so(run: Path) -> None:
    unfinished = {who: results for who, results in EVALUATION.items() if who != "after"}
    (run / "evaluation.json").write_text(json.dumps(unfinished), encoding="utf-8")
    (run / "metrics.jsonl").write_text(as_lines(steps(57)) + '{"step": 58, "lo', encoding="utf-8")
    (run / "manifest.json").write_text(json.dumps(manifest(finished=False)), encoding="utf-8")
    (run / "samples.jsonl").write_text(as_lines([{**SAMPLES[0], "after": None}]), encoding="utf-8")
    text = Page(write_report(run).read_text(encoding="utf-8")).text
    assert "Training stopped at step 57 of 120, before the student was measured again." in text
    assert "was cut off while it was written and is left out" in text
    assert text.count("not measured") >= len(EVALUATION["before"])
    assert "Student after not sampled yet" in text
    assert "Finished not yet" in text


def test_missing_metrics_are_named(run: Path) -> None:
    rows = steps(3)
    for row in rows:
        for name in ("answer_length", "clipped_ratio", "seconds"):
            del row[name]
        row["kl"] = float("nan")
    (run / "metrics.jsonl").write_text(as_lines(rows), encoding="utf-8")
    text = Page(write_report(run).read_text(encoding="utf-8")).text
    assert "Not recorded in this run: Reverse KL, Answer length, Answers cut at the cap." in text
    assert "No times were recorded in this run." in text
    assert "Rollout answers are written - - 54,912 12.4 TFLOP -" in text


def test_run_without_any_step(run: Path) -> None:
    for name in ("metrics.jsonl", "evaluation.json", "samples.jsonl"):
        (run / name).unlink()
    text = Page(write_report(run).read_text(encoding="utf-8")).text
    assert "Training has not taken a step yet, so there is nothing to judge." in text
    assert "Nothing has been measured yet" in text
    assert "No step has been taken yet" in text
    assert "No sample answers were kept in this run." in text


def test_spending_by_hand(run: Path) -> None:
    rows = {row.part: row for row in spending(read_evidence(run))}
    assert rows["rollout"].seconds == pytest.approx(132.0)
    assert rows["rollout"].share == pytest.approx(1.1 / 2.62)
    assert rows["total"].seconds == pytest.approx(120 * 2.62)
    assert rows["rollout"].flops == 2 * 49_561_920 * (38_400 + 54_912) + 2 * 576 * 49_152 * 54_912
    assert rows["rollout"].rate == pytest.approx(rows["rollout"].flops / 132.0)
    assert rows["optimizer"].tokens is None


def test_panel_shows_the_last_value_in_its_unit() -> None:
    shown = {panel.title: panel for panel in panels([{"step": 1, "lr": 1e-4}, {"step": 2, "lr": 3e-4}])}
    assert shown["Learning rate"].last == "300"
    assert "at 2 steps: first 100, last 300" in str(shown["Learning rate"].svg)
    assert shown["Loss"].svg is None


def test_prompts_whose_scores_teach_nothing_are_shown_where_a_judge_scored() -> None:
    title, step = "Prompts without two different scores", {"step": 1, "score": 0.5, "tied_ratio": 0.25}
    assert {panel.title: panel.last for panel in panels([step])}[title] == "25"
    assert title not in [panel.title for panel in panels([{"step": 1, "loss": 0.5}])]


def test_negative_values_are_drawn() -> None:
    (panel,) = [panel for panel in panels([{"step": 1, "loss": -0.5}]) if panel.title == "Loss"]
    assert "lowest -0.5" in str(panel.svg)


def test_running_mean_is_centred() -> None:
    assert running_mean([1.0, 2.0, 3.0, 10.0], 3) == [1.5, 2.0, 5.0, 6.5]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.44, "8.4 s"), (59.96, "1 min 00 s"), (312, "5 min 12 s"), (3599.7, "1 h 00 min"), (11_220, "3 h 07 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_amounts() -> None:
    assert flops_text(1.0312e15) == "1.03 PFLOP"
    assert flops_text(999) == "999 FLOP"
    assert parameters_text(134_515_008) == "134.5 M"
    assert parameters_text(1_543_714_304) == "1.54 B"
    assert count_text(54_912.0) == "54,912"


@pytest.mark.chromium
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the path to open the page")
def test_opens_in_chromium(run: Path, tmp_path: Path) -> None:
    page = write_report(run)
    picture = tmp_path / "page.png"
    command = [
        str(CHROMIUM),
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
        f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=1280,3200",
    ]
    subprocess.run([*command, f"--screenshot={picture}", page.as_uri()], check=True, capture_output=True, timeout=120)
    head = picture.read_bytes()
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == (1280, 3200)
    assert len(head) > 100_000  # a blank page of this size has about 20 kB
    dom = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], check=True, capture_output=True, timeout=120, text=True
    ).stdout
    assert '<table class="results"' in dom
    assert "<b>0.935</b>" in dom
