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
import operator
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from recipes.result import Result, interval
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
SIGNS: dict[str, tuple[str, Callable[[int, int], int]]] = {
    "+": ("plus", operator.add),
    "-": ("minus", operator.sub),
    "*": ("times", operator.mul),
}
COMPARED = 60


def questions(numbers: range, keep: Callable[[int, int], bool], seed: int) -> list[dict[str, Any]]:
    """Sums, differences and products with their answers, of the pairs of `numbers` that `keep` wants, shuffled.

    Each pair is asked about once a sign, the larger number first or last and in signs or words at random: the same
    task in another order or wording would count twice without saying anything new.
    """
    rng, rows = random.Random(seed), []
    for (a, b), (sign, (word, result)) in itertools.product(
        itertools.combinations_with_replacement(numbers, 2), SIGNS.items()
    ):
        if keep(a, b):
            one, two = (b, a) if sign == "-" else rng.sample((a, b), 2)
            asked = f"What is {one} {rng.choice((sign, word))} {two}? Answer in one short sentence."
            rows.append({"prompt": asked, "answer": result(one, two)})
    rng.shuffle(rows)
    return rows


def write_questions(folder: Path) -> None:
    """Questions to learn from have the numbers 2 to 9; each of those to compare on has one from 10 to 12 as well."""
    learnt = questions(range(2, 10), lambda a, b: True, seed=0)
    unseen = questions(range(2, 13), lambda a, b: b >= 10, seed=1)[:COMPARED]
    for name, rows in (("sums", learnt), ("unseen", unseen)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")


def stillhouse(*arguments: object) -> str:
    """Run `stillhouse distill ...` and return what it printed as its result."""
    print("$ stillhouse distill", *arguments, flush=True)
    line = [sys.executable, "-m", "stillhouse", "distill", *map(str, arguments)]
    return subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout


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


def compare(folder: Path, run: Path, url: str, say: Result) -> dict[str, Any]:
    """Before against after on unseen questions: by the judge, each pair in both orders, and by rule."""
    prompts = list(read_prompts(folder / "unseen.jsonl"))
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
    counts = ", ".join(f"{won[name]} {name}" for name in ("wins", "ties", "losses", "missing"))
    say(f"unseen questions, judged win rate of after: {interval(won)}; of {len(prompts)}: {counts}")
    say(f"its position bias there: {interval(won['position_bias'])}")
    right = {}
    for who, texts in (("before", before), ("after", after)):
        right[who] = sum(check(prompt, text) for prompt, text in zip(prompts, texts, strict=True))
        share = wilson(right[who], len(prompts)).as_dict()
        say(f"checked by rule, {who}: {right[who]} of {len(prompts)} right, {interval(share)}")
    spent = spending(ExchangeLog(folder / "compare.jsonl"))
    say(f"tokens of the judge for this: {spent.tokens:,}")
    return {"win_rate": won, "right": right, "compared": len(prompts)}


def report(run: Path, seconds: float, say: Result) -> dict[str, Any]:
    judged: dict[str, Any] = json.loads((run / "judge.json").read_text(encoding="utf-8"))
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    for row in judged["reliability"]:
        say(f"judge in training, {row['name']}: {told(row)}")
    tokens = manifest["tokens"]
    say(f"tokens: student wrote {tokens['rollout']:,}, learnt from {tokens['student']:,}; judge {tokens['judge']:,}")
    say(f"cost by the invented prices: {manifest['api_cost']['value']:.4f} USD; {seconds / 60:.1f} minutes")
    return {"reliability": judged["reliability"]}


def told(row: Mapping[str, Any]) -> str:
    """One figure of `judge.json`: a value with its interval, means with a p-value, or why there is none."""
    if "why" in row:
        return str(row["why"])
    if "p_value" in row:
        return f"{', '.join(f'{mean:.2f}' for mean in row['means'])}; p = {row['p_value']:.4f}"
    return interval(row)


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
    say, began = Result(), time.monotonic()
    size = {"slots": 4, "context": 8192, "threads": given.threads, "port": given.port}
    with served(given.judge, name="qwen2.5-coder-1.5b-instruct", **size) as url:
        config = [HERE / "config.yaml", f"teacher.endpoint.base_url={url}", f"prompts=[{{path: {sums}}}]"]
        if not (run / "student").is_dir():
            stillhouse("run", *config, *given.overrides, "--out", run, "--resume")
        figures = report(run, time.monotonic() - began, say) | compare(given.out, run, url, say)
    by_weights = given.out / "by_probability.yaml"
    by_weights.write_text("name: bundled-probability\nteacher: {model: bundled, permission: Apache-2.0}\n")
    graded = json.loads(stillhouse("grade", run, "--with", by_weights, "--json"))
    (correlation,) = graded["agreement"].values()
    both = f"{correlation['n']} of {graded['groups']} prompts whose answers have grades of both"
    say(f"rank correlation within prompts, over {both}: {interval(correlation)}")
    figures |= {"prompts": graded["groups"], "correlation": correlation}
    say.write(given.out, figures)
    return 0 if figures["win_rate"]["low"] > 0.5 else 1


if __name__ == "__main__":
    sys.exit(main())
