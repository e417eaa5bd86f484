"""A stronger model judges a student's own answers over an API, and the student learns from it.

`python -m recipes.judge.run QWEN.gguf --out DIR` serves Qwen2.5-Coder-1.5B-Instruct with llama.cpp, lets it rank the
bundled model's answers to small sums, and prints: the win rate after against before on held-out questions, as judged
and as checked; how far the judge can be trusted; and the rank correlation of its grades with those of the bundled
model's own weights as a teacher by probability, over the same answers. Exit 0 if the judged interval excludes 1/2.
"""

import argparse
import itertools
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from recipes.serving import served
from stillhouse.distill.encode import text_of
from stillhouse.distill.prompts import read_prompts
from stillhouse.distill.store import RolloutStore
from stillhouse.distill.tasks import check
from stillhouse.models.local import load_tokenizer
from stillhouse.stats import wilson

HERE = Path(__file__).parent
FORMS = {"+": "What is {a} plus {b}?", "*": "What is {a} times {b}?"}


def write_sums(path: Path, seed: int = 0) -> int:
    """Small sums and products with their answers, in a random order.

    Each pair of numbers stands in one question of each kind only, in one wording and one order: what is held out of
    training is not in it in other words.
    """
    rows = []
    for sign, form in FORMS.items():
        for a, b in itertools.combinations_with_replacement(range(2, 13), 2):
            question = f"{form.format(a=a, b=b)} Answer in one short sentence."
            rows.append({"prompt": question, "answer": a + b if sign == "+" else a * b})
    random.Random(seed).shuffle(rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return len(rows)


def stillhouse(*arguments: object) -> None:
    print("$ stillhouse distill", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "stillhouse", "distill", *map(str, arguments)], check=True)


def exact(run: Path, sums: Path) -> dict[str, str]:
    """Share of right answers among the sampled ones to held-out questions, before and after, with intervals."""
    known = {prompt.id: prompt for prompt in read_prompts(sums)}
    tokenizer, store = load_tokenizer(str(run / "student")), RolloutStore(run / "evaluation")
    found = {}
    for who, phase in (("before", 1), ("after", 2)):
        answers = store.read(phase) or []
        right = sum(check(known[a.prompt_id], text_of(tokenizer, a.tokens)) for a in answers)
        share = wilson(right, len(answers))
        found[who] = f"{right} of {len(answers)} right, {share.value:.3f} [{share.low:.3f}, {share.high:.3f}]"
    return found


def report(run: Path, sums: Path, seconds: float) -> dict[str, Any]:
    judged: dict[str, Any] = json.loads((run / "judge.json").read_text(encoding="utf-8"))
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    won = judged["win_rate"]
    print(
        f"judged win rate after against before: {won['value']:.3f} [{won['low']:.3f}, {won['high']:.3f}], "
        f"{won['wins']} won, {won['ties']} tied ({won['identical']} identical), {won['losses']} lost, "
        f"{won['missing']} missing of {won['n'] + won['missing']}"
    )
    for who, line in exact(run, sums).items():
        print(f"checked, {who}: {line}")
    for row in judged["reliability"]:
        value = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" if "value" in row else str(row)
        print(f"judge, {row['name']}: {value}")
    tokens = manifest["tokens"]
    print(f"tokens: student wrote {tokens['rollout']:,}, learnt from {tokens['student']:,}; judge {tokens['judge']:,}")
    print(f"cost by the invented prices: {manifest['api_cost']['value']:.4f} USD; {seconds / 60:.1f} minutes in all")
    return won


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("judge", type=Path, help="GGUF file of Qwen2.5-Coder-1.5B-Instruct")
    parser.add_argument("--out", type=Path, default=Path("runs/judge"), help="new folder")
    parser.add_argument("--threads", type=int, default=2, help="of the judge's server")
    parser.add_argument("--port", type=int, default=8471, help="of the judge's server; a resumed run needs the same")
    parser.add_argument("overrides", nargs="*", help="keys of config.yaml to change, as a.b=value")
    given = parser.parse_intermixed_args()
    given.out.mkdir(parents=True, exist_ok=True)
    sums, run = given.out / "sums.jsonl", given.out / "run"
    if not sums.exists():
        print(f"{write_sums(sums)} questions")
    began = time.monotonic()
    size = {"slots": 4, "context": 8192, "threads": given.threads, "port": given.port}
    with served(given.judge, name="qwen2.5-coder-1.5b-instruct", **size) as url:
        config = [HERE / "config.yaml", f"teacher.endpoint.base_url={url}", f"prompts=[{{path: {sums}}}]"]
        stillhouse("run", *config, *given.overrides, "--out", run, "--resume")
    won = report(run, sums, time.monotonic() - began)
    by_weights = given.out / "by_probability.yaml"
    by_weights.write_text("name: bundled-probability\nteacher: {model: bundled, permission: Apache-2.0}\n")
    stillhouse("grade", run, "--with", by_weights)
    return 0 if won["low"] > 0.5 else 1


if __name__ == "__main__":
    sys.exit(main())
