"""The command line as a user meets it: bad input costs one line and leaves nothing behind, results can be piped."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerFast

from stillhouse.cli import app
from stillhouse.cli.common import one_line_errors, print_result, warn
from stillhouse.errors import RecordError
from tests.command import Command, Result
from tests.conftest import TinyLlama
from tests.tiny import Pair, run_settings, write_folder, write_prompts, write_yaml

ROOT = Path(__file__).parents[1]


def python_m(*args: str | Path, cwd: Path) -> Result:
    """`python -m stillhouse`, started from nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "stillhouse", *map(str, args)],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def refused(command: Command, tmp_path: Path, settings: dict[str, Any], *args: str) -> str:
    """The one line for these settings; nothing but the config (and what was there) may be in the folder."""
    config = write_yaml(tmp_path / "config.yaml", settings)
    before = sorted(tmp_path.rglob("*"))
    fault = command("distill", "run", config, *args, "--out", tmp_path / "runs" / "run").fault
    assert sorted(tmp_path.rglob("*")) == before
    return fault


def test_module_runs_from_nothing(tmp_path: Path, pair: Pair) -> None:
    config = write_yaml(tmp_path / "config.yaml", run_settings(pair, optimizer__lrr=1))
    assert python_m("distill", "run", config, cwd=tmp_path).fault == (
        f"{config}: unknown key 'optimizer.lrr' (value 1); did you mean 'lr'?"
    )
    assert python_m("distill", "run", "none.yaml", cwd=tmp_path).fault == (
        "none.yaml: no such config file; give the path of a YAML file"
    )


def test_version(command: Command) -> None:
    result = command("--version")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (result.code, result.out, result.err) == (0, f"stillhouse {project['version']}\n", "")


def commands(command: Any, *names: str) -> Iterator[tuple[str, set[str]]]:
    """(name, options) of every command below this one."""
    if not hasattr(command, "commands"):
        yield " ".join(names), {option for parameter in command.params for option in parameter.opts}
        return
    for name, below in command.commands.items():
        yield from commands(below, *names, name)


def test_every_command_can_be_quiet_and_gives_json() -> None:
    found = dict(commands(typer.main.get_command(app)))
    assert len(found) > 30
    assert [name for name, options in found.items() if "--quiet" not in options] == []
    # Serving has no result, and a proof is JSON already.
    assert [name for name, options in found.items() if "--json" not in options] == ["guard serve", "guard ledger prove"]


def test_the_help_promises_no_command_that_is_not_there(command: Command) -> None:
    told = command("range", "--help").out
    assert "Compose what a guard meets, with the truth beside it." in told and "measure" not in told


FAULTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"wombat": 3}, ["config.yaml: ", "unknown key 'wombat' (value 3); known keys: "]),
    ({"rollout__max_new_token": 3}, ["'rollout.max_new_token' (value 3); did you mean 'max_new_tokens'?"]),
    ({"teacher__model": "no/such/folder"}, ["no/such/folder: no such model folder; give `bundled`, a folder"]),
    ({"teacher__permission": None}, ["key 'teacher.permission' is missing; add it (licence or person"]),
    ({"teacher__permission": " "}, ["'teacher.permission' is ' '; name the licence, or who granted"]),
    ({"max_prompt_tokens": 20}, ["prompt ", "tokens, more than 20; shorten it, drop it, or raise max_prompt_tokens"]),
    ({"max_prompt_tokens": 510}, ["reads at most 512 tokens, but prompts and answers can reach 520; lower max_"]),
    ({"evaluation__held_out": 30}, ["prompts: 30 different ones, of which evaluation.held_out keeps 30; add prompts"]),
    ({"device": "gpu"}, ["device 'gpu' is not known; use auto, cpu, cuda or cuda:N"]),
    ({"reporter": "trackio"}, ["reporter is 'trackio', which is not installed; pip install trackio, or reporter=none"]),
    ({"lora": {"targets": "q_proj, qq_proj"}}, ["lora.targets names 'qq_proj'", "choose from down_proj, "]),
    ({"batch": 5}, ["batch 5 is no multiple of micro_batch 2; change either"]),
    ({"minutes": 3.0}, ["exactly one of `steps` and `minutes`"]),
]


@pytest.mark.parametrize(("change", "parts"), FAULTS, ids=[next(iter(change)) for change, _ in FAULTS])
def test_bad_setting(change: dict[str, Any], parts: list[str], command: Command, pair: Pair, tmp_path: Path) -> None:
    fault = refused(command, tmp_path, run_settings(pair, **change))
    for part in parts:
        assert part in fault


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_gpu_that_is_not_there(command: Command, pair: Pair, tmp_path: Path) -> None:
    fault = refused(command, tmp_path, run_settings(pair), "device=cuda")
    assert fault == "device 'cuda': PyTorch sees no GPU here; use device=cpu"


def test_more_layers_than_the_source_has(command: Command, pair: Pair, tmp_path: Path) -> None:
    for source, total in ((pair.teacher, 4), (pair.student, 2)):
        fault = refused(command, tmp_path, run_settings(pair, student={"prune": str(source), "layers": 9}))
        assert fault == f"student.layers is 9, but '{source}' has {total}; give a number from 1 to {total}"


def test_task_without_answers(command: Command, pair: Pair, tmp_path: Path) -> None:
    fault = refused(command, tmp_path, run_settings(pair, evaluation__tasks=[{"path": str(pair.prompts)}]))
    assert fault.startswith("evaluation.tasks: prompt ") and "of 'prompts' has no answer that can be checked" in fault


def test_faults_of_the_prompt_file(command: Command, pair: Pair, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.jsonl"
    settings = run_settings(pair, prompts=[{"path": str(prompts)}])
    assert refused(command, tmp_path, settings).startswith(f"{prompts}: no such prompt file; give the path")
    prompts.write_text("")
    assert refused(command, tmp_path, settings).startswith(f"{prompts}: holds no prompt; add rows with")
    prompts.write_text('{"prompt": "a b c"}\n{"prompt": "a b\n')
    assert refused(command, tmp_path, settings).startswith(f"{prompts}:2: malformed JSON (")
    prompts.write_text('{"prompt": "a b c"}\n{"words": "a b"}\n')
    assert refused(command, tmp_path, settings).startswith(f"{prompts}:2: ")


def test_different_tokenizers(
    command: Command, pair: Pair, tmp_path: Path, tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast
) -> None:
    write_folder(tiny_llama(2, vocab=320), tiny_tokenizer, tmp_path / "other")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path / "other")
    tokenizer.add_tokens(["zebra"])
    tokenizer.save_pretrained(tmp_path / "other")
    fault = refused(command, tmp_path, run_settings(pair, student__model=str(tmp_path / "other")))
    size = len(tiny_tokenizer)
    assert f"different tokenizers ({size} and {size + 1} entries; 'zebra' is absent for the teacher" in fault
    assert "graders divergence, top_k and sampled need the same one" in fault


def test_weights_that_are_not_numbers(command: Command, pair: Pair, tmp_path: Path, broken: Path) -> None:
    fault = refused(command, tmp_path, run_settings(pair, student__model=str(broken)))
    assert fault == f"'{broken}': weight model.norm.weight holds NaN or infinity; replace the model's files"


@pytest.fixture(scope="module")
def broken(
    tmp_path_factory: pytest.TempPathFactory, tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast
) -> Path:
    """A student with one weight that is NaN."""
    folder = write_folder(tiny_llama(2, seed=2), tiny_tokenizer, tmp_path_factory.mktemp("broken") / "student")
    tensors = load_file(folder / "model.safetensors")
    tensors["model.norm.weight"][3] = float("nan")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_vocabulary_larger_than_the_tokenizer_works(
    command: Command, pair: Pair, tmp_path: Path, tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast
) -> None:
    padded = write_folder(tiny_llama(2, vocab=333, seed=2), tiny_tokenizer, tmp_path / "padded")
    config = write_yaml(tmp_path / "config.yaml", run_settings(pair, student__model=str(padded), steps=2))
    result = command("distill", "run", config, "--out", tmp_path / "run", "--quiet")
    assert result.code == 0 and result.err == ""
    trained, start = (load_file(f / "model.safetensors") for f in (tmp_path / "run" / "student", padded))
    rows = "model.embed_tokens.weight"
    assert trained[rows].shape == (333, 32)
    assert torch.equal(trained[rows][len(tiny_tokenizer) :], start[rows][len(tiny_tokenizer) :])
    small = write_folder(tiny_llama(2, vocab=290, seed=2), tiny_tokenizer, tmp_path / "small")
    (tmp_path / "bad").mkdir()
    fault = refused(command, tmp_path / "bad", run_settings(pair, student__model=str(small)))
    assert "has 290 vocabulary rows for a tokenizer of" in fault


def test_folder_that_is_taken(command: Command, pair: Pair, tmp_path: Path) -> None:
    config, out = write_yaml(tmp_path / "config.yaml", run_settings(pair, steps=2)), tmp_path / "run"
    run = ("distill", "run", config, "--out", out, "--quiet")
    piped = command(*run, "--json")
    assert piped.code == 0 and piped.err == ""
    result = json.loads(piped.out)
    assert (
        result["run"] == str(out)
        and result["steps"] == 2
        and set(result["evaluation"]) == {"teacher", "before", "after"}
    )
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert command(*run).fault == f"{out}: already holds a run; go on with it (--resume) or give another --out"
    assert command(*run, "optimizer.lr=0.1", "--resume").fault == (
        f"{out}: this run began with optimizer.lr=0.003, not 0.1; resume with the same settings, or give another --out"
    )
    again = command(*run[:-1], "--json", "--resume")
    assert (again.code, again.err, json.loads(again.out)) == (0, f"{out}: already finished\n", result)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    assert "full: holds other files (a) and no run" in command(*run[:3], "--out", tmp_path / "full").fault


def test_step_that_is_not_a_number_keeps_the_last_checkpoint(command: Command, pair: Pair, tmp_path: Path) -> None:
    settings = run_settings(pair, optimizer={"lr": 1e25, "warmup": 0.0}, checkpoint={"every": 1, "keep": 2})
    config, out = write_yaml(tmp_path / "config.yaml", settings), tmp_path / "run"
    fault = command("distill", "run", config, "--out", out, "--quiet").fault
    step = int(fault.partition(":")[0].removeprefix("step "))
    assert fault.endswith(
        "the last checkpoint before it is kept: lower optimizer.lr or optimizer.clip and start a new run"
    )
    newest = sorted((out / "checkpoints").iterdir())[-1]
    assert newest.name == f"step-{step - 1:06d}"
    assert all(bool(t.isfinite().all()) for t in load_file(newest / "tensors.safetensors").values())


def test_progress_goes_to_standard_error(command: Command, pair: Pair, tmp_path: Path) -> None:
    config = write_yaml(tmp_path / "config.yaml", run_settings(pair, steps=1))
    result = command("distill", "run", config, "--out", tmp_path / "run")
    assert result.code == 0
    assert "<|im_start|>user" in result.err and "training" in result.err
    assert "kl_to_teacher" in result.out and str(tmp_path / "run" / "report.html") in result.out
    assert "<|im_start|>" not in result.out


def test_student_and_evaluate(command: Command, pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "cut"
    cut = ("distill", "student", "--from", pair.teacher, "--layers", "2", "--out", out, "--quiet", "--json")
    result = command(*cut)
    assert result.err == "" and result.code == 0
    assert len(json.loads(result.out)["kept"]) == 2 and (out / "pruning.json").is_file()
    assert command(*cut).fault == f"{out}: is not empty; give a new --out, or remove it"
    assert "layers is 5" in command(*cut[:5], "5", "--out", tmp_path / "x", "--quiet").fault
    assert not (tmp_path / "x").exists()
    prompts = write_prompts(tmp_path / "prompts.jsonl", 6)
    measured = command(
        "distill", "evaluate", out, "--teacher", pair.teacher, "--prompts", prompts, "--max-new-tokens", "4",
        "--max-prompt-tokens", "200", "--quiet", "--json", "--out", tmp_path / "m.json",
    )  # fmt: skip
    found = json.loads(measured.out)
    assert measured.err == "" and found == json.loads((tmp_path / "m.json").read_text())
    assert found["student"]["kl_to_teacher"]["n"] == 6 and found["student"]["kl_to_teacher"]["value"] > 0
    missing = command("distill", "evaluate", out, "--teacher", tmp_path / "none", "--quiet")
    assert missing.fault.startswith(f"{tmp_path / 'none'}: no such model folder")


@pytest.mark.parametrize("name", ["quickstart", "distill run", "distill student", "distill evaluate"])
def test_help_shows_an_example(name: str, command: Command) -> None:
    result = command(*name.split(), "--help")
    assert result.code == 0 and result.err == ""
    assert f"Example: stillhouse {name} " in " ".join(result.out.split())


def test_wrong_option_names_it(command: Command) -> None:
    result = command("distill", "student", "--from", "x", "--layers", "2", "--out", "y", "--method", "luck")
    assert "'luck'" in result.fault and result.fault.endswith("; see stillhouse distill student --help")


USAGE = [
    ("distill student --layers 2 --out y", "Missing option '--from'; see stillhouse distill student --help"),
    ("distill run", "Missing argument 'config'; see stillhouse distill run --help"),
    ("quickstart --minuts 3", "No such option: --minuts"),
    ("quickstart --minutes three", "Invalid value for '--minutes': "),
    ("distill student --from x --layers 0 --out y", "Invalid value for '--layers': "),
    ("distill evaluate x --teacher y --seed -1", "Invalid value for '--seed': "),
    ("dstill", "No such command 'dstill'"),
    ("", "Missing command; see stillhouse --help"),
]


@pytest.mark.parametrize(("line", "fault"), USAGE, ids=[line or "nothing" for line, _ in USAGE])
def test_wrong_usage_is_one_line(line: str, fault: str, command: Command) -> None:
    assert command(*line.split()).fault.startswith(fault)


def test_place_of_the_result_is_checked_before_the_models_load(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    evaluate = ("distill", "evaluate", "no/model", "--teacher", "no/model", "--out")
    assert command(*evaluate, tmp_path / "absent" / "e.json").fault.endswith(
        "No such file or directory; make the folder first, or give a path in one that is there"
    )
    student = ("distill", "student", "--from", "no/model", "--layers", "2", "--out")
    for call in (evaluate, student):
        assert "a part of this path is a file" in command(*call, tmp_path / "file" / "x").fault


def test_interrupt_speaks_of_resume_only_where_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    for resumable in (True, False):
        with pytest.raises(typer.Exit) as caught, one_line_errors(resumable):
            raise KeyboardInterrupt
        assert caught.value.exit_code == 130
        assert ("--resume" in capsys.readouterr().err) == resumable


def test_student_of_a_run_is_measured_on_what_the_run_held_out(command: Command, pair: Pair, tmp_path: Path) -> None:
    settings = run_settings(pair, steps=1, prompts=[{"path": str(pair.prompts), "licence": "CC0-1.0"}])
    config, run = write_yaml(tmp_path / "config.yaml", settings), tmp_path / "run"
    assert command("distill", "run", config, "--out", run, "--quiet").code == 0
    assert json.loads((run / "manifest.json").read_text())["prompts"][0]["licence"] == "CC0-1.0"
    evaluate = (
        "distill", "evaluate", run / "student", "--teacher", pair.teacher, "--max-new-tokens", "10",
        "--max-prompt-tokens", "200", "--quiet", "--json",
    )  # fmt: skip
    found = json.loads(command(*evaluate).out)
    assert found["prompts"] == {"source": str(run), "held_out": True, "count": 8}
    after = json.loads((run / "evaluation.json").read_text())["after"]
    assert found["student"]["kl_to_teacher"]["value"] == pytest.approx(after["kl_to_teacher"]["value"], rel=1e-3)
    assert json.loads(command(*evaluate, "--limit", "2").out)["student"]["kl_to_teacher"]["n"] == 2
    given = json.loads(command(*evaluate, "--prompts", pair.prompts, "--limit", "2").out)
    assert given["prompts"] == {"source": str(pair.prompts), "held_out": False, "count": 2}


def test_nothing_printed_can_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\x1b[2J\x9b\ud800é"
    print_result({"account": name}, True, "")
    told = capsys.readouterr().out
    assert json.loads(told) == {"account": name} and "\x1b" not in told and "\x9b" not in told
    print_result({}, False, f"account {name}\nnext")
    assert capsys.readouterr().out == "account a\\x1b[2J\\x9b\\ud800é\nnext\n"
    warn([name], quiet=False)
    with pytest.raises(typer.Exit), one_line_errors():
        raise RecordError(f"{name}\nis wrong")
    warned, fault = capsys.readouterr().err.splitlines()
    assert warned == "stillhouse: warning: a\\x1b[2J\\x9b\\ud800é"
    assert fault == "stillhouse: a\\x1b[2J\\x9b\\ud800é\\nis wrong"
