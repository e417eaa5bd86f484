"""A stronger model judges a student's own answers over an API, and the student learns from it.

`python -m recipes.judge.run QWEN.gguf --out DIR` serves Qwen2.5-Coder-1.5B-Instruct with llama.cpp, lets it rank the
bundled model's answers to small sums, and prints: how far the judge can be trusted; the win rate after against before
on questions with numbers that training had not, as judged and as checked; and the rank correlation of the judge's
grades with those of the bundled model's own weights as a teacher by probability, over the same answers. Exit 0 if the
judged interval excludes 1/2.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from recipes.serving import served
from stillhouse.config import load
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.encode import encode_prompts, text_of
from stillhouse.distill.judges.ranking import RankingJudge
from stillhouse.distill.judging import pairwise
from stillhouse.distill.network import Network
from stillhouse.distill.preflight import end_tokens, own_vocabulary
from stillhouse.distill.prompts import Prompt, read_prompts
from stillhouse.distill.rollout import generate
from stillhouse.distill.sampling import uniforms
from stillhouse.distill.tasks import check
from stillhouse.distill.win_rate import WinRate, judged_win_rate
from stillhouse.models.http import HttpModel
from stillhouse.models.local import load_model, load_tokenizer
from stillhouse.models.spending import spending
from stillhouse.records import ExchangeLog
from stillhouse.stats import wilson
from stillhouse.types import Sampling

HERE = Path(__file__).parent
FORMS = {"+": ("What is {a} + {b}?", "What is {a} plus {b}?"), "*": ("What is {a} * {b}?", "What is {a} times {b}?")}
COMPARED = 48


def questions(numbers: range, keep: Callable[[int, int], bool]) -> list[dict[str, Any]]:
    """Small sums and products in two wordings, with their answers, of the pairs of `numbers` that `keep` wants."""
    return [
        {
            "prompt": f"{form.format(a=a, b=b)} Answer in one short sentence.",
            "answer": a + b if sign == "+" else a * b,
        }
        for sign, forms in FORMS.items()
        for a, b in itertools.product(numbers, repeat=2)
        if keep(a, b)
        for form in forms
    ]


def write(path: Path, rows: list[dict[str, Any]], seed: int = 0) -> None:
    random.Random(seed).shuffle(rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_questions(folder: Path) -> None:
    """Questions to learn from have the numbers 2 to 9; each of those to compare on has one from 10 to 12 as well.

    So nothing that is compared on was learnt from in another wording or order.
    """
    write(folder / "sums.jsonl", questions(range(2, 10), lambda a, b: True))
    write(folder / "unseen.jsonl", questions(range(2, 13), lambda a, b: max(a, b) >= 10))


def stillhouse(*arguments: object) -> None:
    print("$ stillhouse distill", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "stillhouse", "distill", *map(str, arguments)], check=True)


def answers(model: str, prompts: Sequence[Prompt]) -> list[str]:
    """One sampled answer to each prompt, with the same random numbers for every model."""
    tokenizer, weights = load_tokenizer(model), load_model(model, dtype=torch.bfloat16)
    network, ends = Network(weights, own_vocabulary(tokenizer)), end_tokens(weights, tokenizer)
    encoded = encode_prompts(tokenizer, prompts, longest=512)
    found = generate(
        network.model,
        network.head,
        [(p.prompt.id, p.tokens) for p in encoded],
        Sampling(max_tokens=24, temperature=1.0, repetition_stop=24),
        eos=ends,
        uniforms=uniforms(1, 0, len(encoded), 24),
        batch=64,
        source=model,
    )
    return [text_of(tokenizer, answer.tokens) for answer in found]


def compare(folder: Path, run: Path, url: str) -> dict[str, Any]:
    """Before against after on unseen questions: by the judge, each pair in both orders, and by rule."""
    prompts = list(read_prompts(folder / "unseen.jsonl"))[:COMPARED]
    before, after = answers("bundled", prompts), answers(str(run / "student"), prompts)
    settings = load(DistillSettings, run / "resolved.yaml")
    grader = settings.judge
    assert grader is not None and settings.teacher.endpoint is not None
    endpoint = settings.teacher.endpoint.model_copy(update={"base_url": url})

    async def ask() -> WinRate:
        log = folder / "compare.jsonl"
        async with HttpModel(
            settings.teacher.model, endpoint, account="recipe", cache=folder / "cache", log=log, environ=os.environ
        ) as model:
            return await judged_win_rate(RankingJudge(pairwise(grader.method), model), prompts, before, after, seed=0)

    won = asyncio.run(ask()).as_dict()
    interval = f"{won['value']:.3f} [{won['low']:.3f}, {won['high']:.3f}]"
    counts = ", ".join(f"{won[name]} {name}" for name in ("wins", "ties", "identical", "losses", "missing"))
    print(f"unseen questions, judged win rate of after: {interval}; of {len(prompts)}: {counts}")
    bias = won["position_bias"]
    print(f"its position bias there: {bias['value']:.3f} [{bias['low']:.3f}, {bias['high']:.3f}]")
    for who, texts in (("before", before), ("after", after)):
        right = sum(check(prompt, text) for prompt, text in zip(prompts, texts, strict=True))
        share = wilson(right, len(prompts))
        print(f"checked, {who}: {right} of {len(prompts)} right, {share.value:.3f} [{share.low:.3f}, {share.high:.3f}]")
    spent = spending(ExchangeLog(folder / "compare.jsonl"))
    print(f"tokens of the judge for this: {spent.tokens:,}")
    return won


def report(run: Path, seconds: float) -> None:
    judged: dict[str, Any] = json.loads((run / "judge.json").read_text(encoding="utf-8"))
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    for row in judged["reliability"]:
        value = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" if "value" in row else str(row)
        print(f"judge in training, {row['name']}: {value}")
    tokens = manifest["tokens"]
    print(f"tokens: student wrote {tokens['rollout']:,}, learnt from {tokens['student']:,}; judge {tokens['judge']:,}")
    print(f"cost by the invented prices: {manifest['api_cost']['value']:.4f} USD; {seconds / 60:.1f} minutes")


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
    write_questions(given.out)
    began = time.monotonic()
    size = {"slots": 4, "context": 8192, "threads": given.threads, "port": given.port}
    with served(given.judge, name="qwen2.5-coder-1.5b-instruct", **size) as url:
        config = [HERE / "config.yaml", f"teacher.endpoint.base_url={url}", f"prompts=[{{path: {sums}}}]"]
        if not (run / "student").is_dir():
            stillhouse("run", *config, *given.overrides, "--out", run, "--resume")
        report(run, time.monotonic() - began)
        won = compare(given.out, run, url)
    by_weights = given.out / "by_probability.yaml"
    by_weights.write_text("name: bundled-probability\nteacher: {model: bundled, permission: Apache-2.0}\n")
    stillhouse("grade", run, "--with", by_weights)
    return 0 if won["low"] > 0.5 else 1


if __name__ == "__main__":
    sys.exit(main())
