"""A collection as a user runs it: over HTTP, killed, interrupted, out of budget, with an endpoint that fails."""

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stillhouse.distill.prompts import read_prompts
from stillhouse.records import digest_file
from tests.command import Command, Result
from tests.distill.collect.server import PRICES, Endpoint, answer_to, serving, settings_of, write_questions
from tests.tiny import Pair, rows, run_settings, write_yaml

COUNT = 40
QUESTION_TOKENS, ANSWER_TOKENS = 3, 8


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving() as running:
        yield running


class Runs:
    """`stillhouse distill collect` on 40 questions, in a folder of its own."""

    def __init__(self, command: Command, endpoint: Endpoint, folder: Path) -> None:
        self.command, self.endpoint, self.folder = command, endpoint, folder
        self.prompts = write_questions(folder / "questions.jsonl", COUNT)

    def args(self, name: str = "run", *overrides: str, **changes: Any) -> list[str | Path]:
        source = {"path": str(self.prompts), "licence": "CC0-1.0"}
        config = write_yaml(self.folder / "c.yaml", settings_of(self.endpoint.url, [source], **changes))
        return ["distill", "collect", config, *overrides, "--out", self.folder / name, "--quiet"]

    def __call__(self, name: str = "run", *flags: str, **changes: Any) -> Result:
        return self.command(*self.args(name, **changes), *flags)

    def manifest(self, name: str = "run") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / name / "manifest.json").read_text(encoding="utf-8"))
        return found

    def answers(self, name: str = "run") -> list[dict[str, Any]]:
        return rows(self.folder / name / "answers.jsonl")


@pytest.fixture
def runs(command: Command, endpoint: Endpoint, tmp_path: Path) -> Runs:
    return Runs(command, endpoint, tmp_path)


def cost_of(log: Path) -> float:
    """In dollars, from the lines of the log alone."""
    total = 0.0
    for call in rows(log):
        if call["response"] is not None:
            usage = call["usage"]
            total += (usage["input_tokens"] * PRICES["input"] + usage["output_tokens"] * PRICES["output"]) / 1e6
    return total


def made(run: Path) -> dict[str, bytes]:
    return {name: (run / name).read_bytes() for name in ("messages.jsonl", "dropped.jsonl")}


def files_of(run: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def recorded(out: Path, count: int) -> Callable[[], bool]:
    path = out / "answers.jsonl"
    return lambda: path.exists() and path.read_bytes().count(b"\n") >= count


def test_whole_run(runs: Runs) -> None:
    result = runs("run", "--json")
    assert (result.code, result.err) == (0, "")
    told = json.loads(result.out)
    messages = rows(Path(told["messages"]))
    assert told["counts"]["items"] == told["counts"]["answered"] == COUNT
    for i, (row, prompt) in enumerate(zip(messages, read_prompts(Path(told["messages"])), strict=True)):
        question = f"Question number {i}?"
        assert row["messages"] == [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer_to(question)},
        ]
        # As `stillhouse distill run` reads it: the question, and the answer that is given.
        assert prompt.messages[-1].content == question and prompt.reference == answer_to(question)
        assert row["prompt"] == prompt.id and row["id"] == f"{prompt.id}-0"
    assert all(times == 1 for times in runs.endpoint.asked.values())


def test_manifest_answers_for_the_run(runs: Runs) -> None:
    assert runs().code == 0
    manifest, run = runs.manifest(), runs.folder / "run"
    assert manifest["teacher"] == {
        "id": "small-teacher",
        "endpoint": runs.endpoint.url,
        "api": "chat.completions",
        "permission": "made by this test",
    }
    (source,) = manifest["prompts"]
    assert (source["source"], source["licence"], source["count"]) == (str(runs.prompts), "CC0-1.0", COUNT)
    assert manifest["tokens"] == {
        "input": COUNT * QUESTION_TOKENS,
        "output": COUNT * ANSWER_TOKENS,
        "total": COUNT * (QUESTION_TOKENS + ANSWER_TOKENS),
    }
    # 40 x (3 x 2 + 8 x 10) / 1e6
    assert manifest["api_cost"] == {"value": pytest.approx(0.00344, rel=1e-12), "currency": "USD"}
    assert manifest["api_cost"]["value"] == cost_of(run / "calls.jsonl")
    assert manifest["files"] == {name: digest_file(run / name) for name in ("messages.jsonl", "dropped.jsonl")}
    assert manifest["calls"] == {"answered": COUNT, "failed_tries": {}}
    assert manifest["started"] <= manifest["finished"]
    assert manifest["command"][:3] == ["stillhouse", "distill", "collect"] and "python" in manifest["versions"]


def test_killed_again_and_again(runs: Runs) -> None:
    assert runs("whole", answers=2).code == 0
    runs.endpoint.delay = 0.02
    args, out = runs.args("killed", answers=2), runs.folder / "killed"
    for count in (0, 1, 17, 40, 66):
        running = runs.command.start(*args, "--resume")
        running.signal_when(signal.SIGKILL, recorded(out, count) if count else out.exists)
        assert running.wait().code == -signal.SIGKILL
        assert runs.manifest("killed")["finished"] is None
    done = runs.command(*args, "--resume")
    assert done.code == 0, done.err
    ids = [row["id"] for row in runs.answers("killed")]
    assert len(ids) == 2 * COUNT and sorted(ids) == sorted(row["id"] for row in runs.answers("whole"))
    assert made(out) == made(runs.folder / "whole")
    manifest = runs.manifest("killed")
    assert manifest["counts"] == runs.manifest("whole")["counts"] and manifest["counts"]["to_ask"] == 0
    assert manifest["api_cost"]["value"] == cost_of(out / "calls.jsonl") >= 2 * COUNT * 86 / 1e6


def test_order_of_arrival_leaves_the_files_as_they_are(runs: Runs) -> None:
    changes: dict[str, Any] = {"answers": 2, "dedup": {"threshold": 0.2, "words": 1, "across_prompts": True}}
    assert runs(**changes).code == 0
    run = runs.folder / "run"
    before, manifest = made(run), (run / "manifest.json").read_bytes()
    assert before["dropped.jsonl"].count(b"near-duplicate") > COUNT
    (run / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in reversed(runs.answers())))
    asked = runs.endpoint.asked.copy()
    assert runs("run", "--resume", **changes).code == 0
    assert made(run) == before and runs.endpoint.asked == asked
    now = runs.manifest()
    assert {**now, "command": 0} == {**json.loads(manifest), "command": 0}


def test_ctrl_c_keeps_what_is_under_way(runs: Runs) -> None:
    runs.endpoint.delay = 0.1
    running = runs.command.start(*runs.args())
    running.signal_when(signal.SIGINT, recorded(runs.folder / "run", 5))
    result = running.wait()
    assert result.code == 130
    assert result.err == "stillhouse: interrupted; the same command with --resume goes on from here\n"
    kept = runs.answers()
    assert [row for row in kept if "error" in row] == []
    assert 5 <= len(kept) < COUNT and len(rows(runs.folder / "run" / "messages.jsonl")) == len(kept)
    # Every call that was sent was finished, recorded and counted.
    assert runs.endpoint.asked.total() == len(kept) == runs.manifest()["calls"]["answered"]
    assert runs.manifest()["counts"]["to_ask"] == COUNT - len(kept)
    runs.endpoint.delay = 0.0
    assert runs("run", "--resume").code == 0
    assert runs.endpoint.asked.total() == COUNT


def test_budget_stops_and_more_of_it_goes_on(runs: Runs) -> None:
    fault = runs(teacher__endpoint__budget={"usd": 0.007}, sampling={"max_tokens": 512}).fault
    assert "raise budget.usd" in fault and fault.endswith("answers are there, and --resume goes on")
    manifest = runs.manifest()
    assert 0 < manifest["api_cost"]["value"] <= 0.007 and manifest["finished"] is None
    found = re.search(r"; (\d+) of 40 answers are there", fault)
    assert found and int(found[1]) == manifest["counts"]["answered"] == len(runs.answers()) < COUNT
    more: dict[str, Any] = {"teacher__endpoint__budget": {"usd": 1.0}, "sampling": {"max_tokens": 512}}
    assert runs("run", "--resume", **more).code == 0
    assert runs.endpoint.asked.total() == COUNT and runs.manifest()["counts"]["answered"] == COUNT
    kept = yaml.safe_load((runs.folder / "run" / "resolved.yaml").read_text())
    assert kept["teacher"]["endpoint"]["budget"]["usd"] == 1.0


def test_failed_items_are_recorded_and_asked_again(runs: Runs) -> None:
    bad = {f"Question number {i}?" for i in (3, 7, 11)}
    # Every third question fails once and passes; three fail whenever they are asked.
    runs.endpoint.fail = lambda q, times: 500 if q in bad or (times == 1 and int(q.split()[2][:-1]) % 3 == 1) else None
    result = runs("run")
    assert (
        result.code == 0
        and "40 items: 37 answered, 3 failed" in result.out
        and "--resume asks them again" in result.out
    )
    failed = [row for row in runs.answers() if "error" in row]
    assert len(runs.answers()) == COUNT and len(failed) == 3
    assert all("text" not in row and "HTTP 500" in row["error"] for row in failed)
    manifest = runs.manifest()
    assert manifest["counts"]["failed"] == 3 and manifest["counts"]["to_ask"] == 0
    # 3, 7 and 11 three times each; 13 of the others (1, 4, 10, ... 37) once: 7 is both.
    assert manifest["calls"] == {"answered": 37, "failed_tries": {"HTTP 500": 9 + 12}}
    assert manifest["api_cost"]["value"] == cost_of(runs.folder / "run" / "calls.jsonl")
    runs.endpoint.fail = lambda q, times: None
    assert runs("run", "--resume").code == 0
    assert sorted(row["id"] for row in runs.answers()) == sorted({row["id"] for row in runs.answers()})
    assert runs.manifest()["counts"]["answered"] == COUNT
    assert rows(runs.folder / "run" / "messages.jsonl")[7]["messages"][-1]["content"] == answer_to("Question number 7?")


def test_a_forbidden_question_does_not_stop_the_rest_nor_the_next_part(runs: Runs) -> None:
    runs.endpoint.fail = lambda q, times: 403 if q == "Question number 20?" else None
    for flags in ((), ("--resume",), ("--resume",)):
        result = runs("run", *flags)
        assert result.code == 0 and "40 items: 39 answered, 1 failed" in result.out
    assert runs.endpoint.asked.total() == COUNT + 2
    [failed] = [row for row in runs.answers() if "error" in row]
    assert "HTTP 403" in failed["error"] and "change this one" in failed["error"]


def test_failed_tries_are_shown(runs: Runs) -> None:
    runs.endpoint.fail = lambda q, times: 500 if times == 1 and q == "Question number 3?" else None
    result = runs.command(*(arg for arg in runs.args() if arg != "--quiet"))
    assert result.code == 0 and "Failed tries: " in result.err and "HTTP 500" in result.err and "2.4%" in result.err


def test_endpoint_that_only_fails_is_given_up(runs: Runs) -> None:
    runs.endpoint.fail = lambda q, times: 503
    fault = runs(give_up=5, teacher__endpoint__retries=0).fault
    assert fault.startswith("5 calls failed one after another (give_up), the last with: ") and "HTTP 503" in fault
    assert fault.endswith("0 of 40 answers are there, and --resume goes on")
    assert len(runs.answers()) == 5 and runs.manifest()["finished"] is None


def test_wrong_key_is_named_and_not_tried_again(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.endpoint.fail = lambda q, times: 401
    fault = runs().fault
    assert (
        "HTTP 401" in fault and "key_env" in fault and fault.endswith("0 of 40 answers are there, and --resume goes on")
    )
    assert max(runs.endpoint.asked.values()) == 1 and runs.endpoint.asked.total() <= 4
    assert not (runs.folder / "run" / "answers.jsonl").exists()
    assert runs.manifest()["calls"]["failed_tries"] == {"HTTP 401": runs.endpoint.asked.total()}


def test_nobody_there(runs: Runs) -> None:
    args = runs.args("run", "teacher.endpoint.base_url=http://127.0.0.1:9/v1", teacher__endpoint__retries=1)
    fault = runs.command(*args).fault
    assert "http://127.0.0.1:9/v1" in fault and fault.endswith("0 of 40 answers are there, and --resume goes on")
    assert set(runs.manifest()["calls"]["failed_tries"]) == {"connection refused"}


def test_bad_input_leaves_nothing_behind(runs: Runs) -> None:
    def refused(**changes: Any) -> str:
        args = runs.args("runs/run", **changes)
        before = sorted(runs.folder.rglob("*"))
        fault = runs.command(*args).fault
        assert sorted(runs.folder.rglob("*")) == before and not runs.endpoint.asked
        return fault

    assert "'teacher.permission' is ''; name the licence" in refused(teacher__permission="")
    assert "environment variable 'NO_SUCH_KEY' (key_env) is not set" in refused(
        teacher__endpoint__key_env="NO_SUCH_KEY"
    )
    runs.prompts.write_text('{"prompt": "a"}\n{"words": "b"}\n')
    assert refused().startswith(f"{runs.prompts}:2: ")
    runs.prompts.unlink()
    assert refused().startswith(f"{runs.prompts}: no such prompt file")


def test_resume_wants_the_same_prompts_and_settings(runs: Runs) -> None:
    assert runs().code == 0
    run = runs.folder / "run"
    before = files_of(run)
    assert runs().fault == f"{run}: already holds a run; go on with it (--resume) or give another --out"
    other: dict[str, Any] = {"sampling": {"temperature": 0.5}}
    assert runs("run", "--resume", **other).fault == (
        f"{run}: this run began with sampling.temperature=1.0, not 0.5; resume with the same settings, or "
        "give another --out"
    )
    content = runs.prompts.read_text()
    runs.prompts.write_text(content + '{"prompt": "One more?"}\n')
    assert runs("run", "--resume").fault == (
        f"{run}: the prompts of {runs.prompts} changed since this run began; put the old content back, "
        "or give another --out"
    )
    assert files_of(run) == before
    runs.prompts.write_text(content)
    # What is kept of the answers may be decided anew, without asking anybody.
    assert runs("run", "--resume", filters={"max_chars": 40}).code == 0
    assert runs.endpoint.asked.total() == COUNT
    assert {row["reason"] for row in rows(run / "dropped.jsonl")} == {"too long"}


@pytest.mark.parametrize(
    "content", ["", "[" * 100_000, "[]", "{}", '{"prompts": [3], "started": "", "finished": null}']
)
def test_a_manifest_that_was_changed_is_one_line(runs: Runs, content: str) -> None:
    assert runs().code == 0
    path = runs.folder / "run" / "manifest.json"
    path.write_text(content, encoding="utf-8")
    assert runs("run", "--resume").fault.startswith(f"{path}: is not what a collection writes")


def test_an_answer_that_arrived_is_not_bought_again(runs: Runs) -> None:
    """A kill between the call and its line in answers.jsonl: the run's own cache has the answer."""
    assert runs().code == 0
    run = runs.folder / "run"
    before, asked, cost = made(run), runs.endpoint.asked.copy(), cost_of(run / "calls.jsonl")
    lines = (run / "answers.jsonl").read_bytes().splitlines(keepends=True)
    (run / "answers.jsonl").write_bytes(b"".join(lines[:-3]))
    assert runs("run", "--resume").code == 0
    assert runs.endpoint.asked == asked and made(run) == before
    assert runs.manifest()["api_cost"]["value"] == cost_of(run / "calls.jsonl") == cost


def test_cache_answers_what_another_run_asked(runs: Runs) -> None:
    cache: dict[str, Any] = {"teacher__endpoint__cache": str(runs.folder / "cache")}
    assert runs("one", **cache).code == 0 and runs("two", **cache).code == 0
    assert runs.endpoint.asked.total() == COUNT
    assert made(runs.folder / "one") == made(runs.folder / "two")
    assert runs.manifest("two")["api_cost"]["value"] == 0.0


def test_progress_and_result_go_their_own_ways(runs: Runs) -> None:
    args = [arg for arg in runs.args() if arg != "--quiet"]
    result = runs.command(*args)
    assert result.code == 0 and "40/40" in result.err and "440 tokens  0.00344 USD" in result.err
    assert result.out == (
        "40 items: 40 answered, 0 failed\n40 kept, 0 dropped\n120 tokens read, 320 written, 0.00344 USD\n"
        f"answers   {runs.folder / 'run' / 'messages.jsonl'}\n"
    )


def test_answers_teach_a_student(runs: Runs, pair: Pair, tmp_path: Path) -> None:
    assert runs().code == 0
    given = {"prompts": [{"path": str(tmp_path / "run" / "messages.jsonl")}], "lmbda": 0.0, "given": "reference"}
    settings = run_settings(pair, steps=2, grader={"kind": "imitation"}, rollout__max_new_tokens=40, **given)
    config = write_yaml(tmp_path / "student.yaml", settings)
    result = runs.command("distill", "run", config, "--out", tmp_path / "student", "--quiet")
    assert (result.code, result.err) == (0, "")
    learnt = [row for path in sorted((tmp_path / "student" / "rollouts").iterdir()) for row in rows(path)]
    assert {row["source"] for row in learnt} == {"reference"}


def test_second_ctrl_c_leaves_at_once(runs: Runs) -> None:
    runs.endpoint.delay = 20.0
    running = runs.command.start(*runs.args())
    running.signal_when(signal.SIGINT, lambda: runs.endpoint.arrived == 4)
    began = time.monotonic()
    running.signal_when(signal.SIGINT, lambda: time.monotonic() > began + 0.5)
    assert running.wait().code == 130 and time.monotonic() - began < 10
    assert runs.manifest()["counts"]["to_ask"] == COUNT


def test_full_disk_is_one_line_and_can_be_resumed(runs: Runs) -> None:
    assert runs("whole").code == 0
    args = runs.args("run")
    fault = runs.command(*args, file_bytes=9000).fault
    assert fault.startswith(f"{runs.folder / 'run' / 'calls.jsonl'}: File too large while writing ")
    assert 0 < len(runs.answers()) < COUNT
    assert runs.command(*args, "--resume").code == 0
    assert made(runs.folder / "run") == made(runs.folder / "whole")
    assert runs.endpoint.asked.total() > 2 * COUNT


def test_help_shows_an_example(runs: Runs) -> None:
    result = runs.command("distill", "collect", "--help")
    assert result.code == 0 and "Example: stillhouse distill collect " in " ".join(result.out.split())
