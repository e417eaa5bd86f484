"""Collect 500 answers from a real server, killed five times with SIGKILL on the way; nothing twice, nothing missing.

`python -m recipes.collect.run --out DIR [--kills 5] [--seed 0]`. Exit 0 if all that README.md claims holds.
"""

import argparse
import json
import math
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from recipes.result import Result
from recipes.serving import bundled_gguf, served
from stillhouse.distill.prompts import load_prompts
from stillhouse.distill.sections import PromptSource

CONFIG = Path(__file__).with_name("config.yaml")
FILES = ("messages.jsonl", "dropped.jsonl")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def start(url: str, out: Path) -> subprocess.Popen[bytes]:
    words = ["distill", "collect", str(CONFIG), f"teacher.endpoint.base_url={url}", "--out", str(out)]
    return subprocess.Popen([sys.executable, "-m", "stillhouse", *words, "--resume", "--quiet"])


def recorded(out: Path) -> int:
    path = out / "answers.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def collect_and_kill(url: str, out: Path, moments: list[tuple[int, float]], say: Result) -> None:
    """One process after the other; each is killed some seconds after its run had `count` answers. The last one ends."""
    for kill, (count, seconds) in enumerate(moments, start=1):
        process = start(url, out)
        while recorded(out) < count:
            assert process.poll() is None, f"ended with {process.returncode} before it was killed"
            time.sleep(0.01)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        say(f"kill {kill}: {recorded(out)} answers on record")
    assert start(url, out).wait() == 0


def check(out: Path, expected: set[str]) -> dict[str, Any]:
    """Everything that is claimed, from the files alone."""
    ids = [line["id"] for line in lines(out / "answers.jsonl")]
    assert len(ids) == len(set(ids)) == len(expected) and set(ids) == expected
    manifest: dict[str, Any] = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    calls = [call for call in lines(out / "calls.jsonl") if call["response"] is not None]
    prices = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["teacher"]["endpoint"]["prices"]
    # From the endpoint's own words in each answer, not from what was made of them.
    used = [call["response"]["usage"] for call in calls]
    usd = sum((u["prompt_tokens"] * prices["input"] + u["completion_tokens"] * prices["output"]) / 1e6 for u in used)
    assert math.isclose(manifest["api_cost"]["value"], usd, rel_tol=1e-12), (manifest["api_cost"], usd)
    assert manifest["tokens"]["total"] == sum(u["total_tokens"] for u in used)
    assert manifest["counts"]["answered"] == len(ids) and manifest["finished"] is not None
    return manifest | {"paid_twice": len(calls) - len(ids), "usd_of_log": usd}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    out, rng, say = arguments.out, random.Random(arguments.seed), Result()
    expected = {f"{prompt.id}-0" for prompt in load_prompts(PromptSource(name="instructions"))}
    counts = sorted(rng.sample(range(len(expected) - 20), arguments.kills))
    moments = [(count, rng.uniform(0.0, 1.0)) for count in counts]
    with served(bundled_gguf(), name="smollm2", slots=4, context=2048, threads=1) as url:
        started = time.monotonic()
        collect_and_kill(url, out, moments, say)
        seconds = time.monotonic() - started
        manifest = check(out, expected)
        before = {name: (out / name).read_bytes() for name in FILES}
        # The same answers in the opposite order, in a copy of the run: the same files must come of them.
        other = Path(shutil.copytree(out, out.with_name(f"{out.name}-reversed")))
        answers = (other / "answers.jsonl").read_bytes().splitlines(keepends=True)
        (other / "answers.jsonl").write_bytes(b"".join(reversed(answers)))
        assert start(url, other).wait() == 0
        assert {name: (other / name).read_bytes() for name in FILES} == before
    counts, tokens, usd = manifest["counts"], manifest["tokens"], manifest["api_cost"]["value"]
    say(f"{len(expected)} distinct ids of {len(expected)}, after {arguments.kills} kills, in {seconds:.0f} s")
    say(f"{counts['kept']} kept, dropped: {counts['dropped']}")
    say(f"{manifest['calls']['answered']} calls in the log, {manifest['paid_twice']} for an answer that a kill lost")
    say(f"{tokens['input']:,} tokens read, {tokens['output']:,} written")
    say(f"{usd!r} USD in the manifest, {manifest['usd_of_log']!r} USD from the log")
    say("messages.jsonl and dropped.jsonl: the same bytes from the answers in the opposite order")
    say.write(out, {"ids": len(expected), "kills": arguments.kills, "usd": usd, "usd_of_log": manifest["usd_of_log"]})
    return 0


if __name__ == "__main__":
    sys.exit(main())
