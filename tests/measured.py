"""The README's table of figures, made from what benches and recipes left: a figure that nobody measured has no row.

`bench/results/NAME.json` is written by `scripts/bench NAME`, `recipes/NAME/result.json` is a copy of what the recipe
wrote into its run's folder.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["measured_table", "printed"]

ROOT = Path(__file__).resolve().parents[1]


@cache
def bench(name: str) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The rows of a bench by what they measure and their unit."""
    found = json.loads((ROOT / "bench" / "results" / f"{name}.json").read_text(encoding="utf-8"))
    return {(row["what"], row["unit"]): row for row in found["rows"]}


@cache
def recipe(name: str) -> dict[str, Any]:
    """The figures of a recipe."""
    figures: dict[str, Any] = json.loads(_result(name))["figures"]
    return figures


def printed(name: str) -> str:
    """What a recipe printed, line for line."""
    return "\n".join(json.loads(_result(name))["printed"]) + "\n"


def measured_table() -> str:
    """One row a figure: what it is, the figure, the command."""
    rows = ["| what | figure | command |", "|---|---|---|"]
    rows += [f"| {what} | {figure()} | {command} |" for what, figure, command in ROWS]
    return "\n".join(rows) + "\n"


def _result(name: str) -> str:
    return (ROOT / "recipes" / name / "result.json").read_text(encoding="utf-8")


def _between(found: Mapping[str, Any], digits: int = 3) -> str:
    low, high = (f"{found[side]:.{digits}f}" for side in ("low", "high"))
    return f"{found['value']:.{digits}f} [{low}, {high}]"


def _agreement(part: str) -> Mapping[str, Any]:
    kept = (ROOT / "stillhouse" / "distill" / "data" / "refusal_agreement.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(kept)["agreement"][part]
    return found


def _same_numbers() -> str:
    rows = bench("distill_vs_trl").items()
    worst = {
        kind: max(abs(row["ratio"] - 1) for (what, _), row in rows if what.startswith(kind) and "float32" in what)
        for kind in ("loss", "grad_norm")
    }
    return f"equal to {worst['loss']:.1e} and {worst['grad_norm']:.1e} (relative)"


def _beside_trl(ours: str, unit: str, digits: int) -> str:
    published, without = (
        bench("distill_vs_trl")[f"{ours} | {peer}", unit]["ratio"] for peer in ("trl", "trl, no gradient checkpointing")
    )
    return f"{published:.{digits}f} times TRL's as published, {without:.{digits}f} times without gradient checkpointing"


def _matrix_rate() -> str:
    shares = {what.partition(" ")[0]: row["ratio"] for (what, _), row in bench("roofline").items()}
    return f"training {shares['training']:.0%}, rollouts of 64 answers {shares['rollouts']:.0%}"


def _judged() -> str:
    won, right, asked = (recipe("judge")[key] for key in ("win_rate", "right", "compared"))
    alpha = next(row for row in recipe("judge")["reliability"] if row["name"] == "self-agreement")
    return (
        f"{_between(won)}, {won['ties']} ties and {won['missing']} not judged of {asked}; "
        f"checked by rule {right['before']} to {right['after']} of {asked} right; "
        f"alpha of the judge's two orders {_between(alpha)}"
    )


def _across_tokenizers() -> str:
    before, after = recipe("cross_tokenizer")["before"], recipe("cross_tokenizer")["after"]
    cut = ", ".join(
        f"{row['cut_answers/teacher']['value']:.0%} and {row['cut_answers/student']['value']:.0%} {when}"
        for when, row in (("before", before), ("after", after))
    )
    given, own = (
        f"{_between(before[name])} to {_between(after[name])}"
        for name in ("kl_to_teacher_per_byte", "on_policy_kl_per_byte")
    )
    return f"{given} nats per byte on the teacher's answers, {own} on the student's own; of which were cut {cut}"


def _collected() -> str:
    found = recipe("collect")
    assert found["usd"] == found["usd_of_log"]
    return f"{found['ids']} distinct ids after {found['kills']} kills; cost equal to the sum of the calls"


def _kept_busy() -> str:
    rows = bench("judge")
    busy = rows["judge server of 4 slots: under us against alone", "tokens/s"]["ratio"]
    hit = next(row["ours"] for (what, _), row in rows.items() if what.startswith("cache hit"))
    return f"{busy:.2f} of its own; {hit:.2f} ms"


def _refusals() -> str:
    all_of_it, strict = (_agreement(f"XSTest, held-out half{more}") for more in ("", ", look-alike too"))
    return (
        f"accuracy {_between(all_of_it['accuracy'])}, kappa {all_of_it['kappa']['value']:.3f}; without questions whose "
        f"look-alike was in sight {_between(strict['accuracy'])}, {strict['kappa']['value']:.3f}"
    )


def _gate() -> str:
    found, code = recipe("safety_gate")["student"], recipe("safety_gate")["exit"]["student"]
    test, before = found["test"]["harmful"], found["before"]["refusal_on_harmful"]
    declined = round(before["value"] * test["n"])
    return (
        f"{declined} of {test['n']} harmful prompts declined before, {declined - test['lost'] + test['gained']} after, "
        f"p = {test['p_loss']:.0e}: exit {code}"
    )


def _alignment() -> str:
    share = max(row["ratio"] for (what, _), row in bench("cross_tokenizer").items() if "of a step" in what)
    return f"{share:.1%}"


def _figures(recipe: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(_result(recipe))["figures"]
    return found


def _killed() -> str:
    found = _figures("gateway_kill")
    return f"{found['missing']} of {found['seen']:,} over {found['kills']} kills"


def _tampered() -> str:
    found = _figures("ledger_tampering")
    return f"{found['found']:,} of {found['tried']:,}"


def _decided() -> str:
    found = _figures("two_gateways")
    return f"{found['median_seconds']:.2f} s, at most {found['longest_seconds']:.2f} s"


def _gateway(quantity: str, peer: str, unit: str) -> Mapping[str, Any]:
    found = [
        row
        for (what, in_unit), row in bench("gateway").items()
        if what.startswith(quantity) and what.endswith(peer) and in_unit == unit
    ]
    (row,) = found
    return row


def _gateway_cpu() -> str:
    floor, plain, limited = (
        _gateway("CPU a request, with a key", peer, "us")
        for peer in ("bare uvicorn and aiohttp", "LiteLLM, master key", "LiteLLM, keys with limits")
    )
    scopes = _gateway("CPU a request, all limits on", "bare uvicorn and aiohttp", "us")
    always = _gateway("CPU a request, log synced for each answer", "ours without", "us")
    return (
        f"{floor['ours']:.0f} us ({scopes['ours']:.0f} with all limits on key, account and organisation, "
        f"{always['ours']:.0f} with the log synced for each answer); bare uvicorn and aiohttp {floor['peer']:.0f}; "
        f"LiteLLM {plain['peer']:,.0f}, with keys and limits {limited['peer']:,.0f}"
    )


def _gateway_rate() -> str:
    plain, limited = (
        _gateway("requests a second of one core;", peer, "1/s")
        for peer in ("LiteLLM, master key", "LiteLLM, keys with limits")
    )
    return (
        f"{plain['ours']:,.0f}; LiteLLM {plain['peer']:.0f} ({plain['ratio']:.0f} times), "
        f"with keys and limits {limited['peer']:.0f} ({limited['ratio']:.0f} times)"
    )


def _gateway_added() -> str:
    told = []
    for share in ("p50", "p99"):
        row = _gateway(f"added latency at half load, {share}", "bare uvicorn and aiohttp", "ms")
        told.append(f"{share} {row['ours']:.2f} ms (bare {row['peer']:.2f})")
    return ", ".join(told)


def _gateway_streams() -> str:
    event = _gateway("CPU a streamed event, 100 streams, one every 2 ms", "bare uvicorn and aiohttp", "us")
    whole = _gateway("1000 streams at once, complete", "bare uvicorn and aiohttp", "streams")
    return (
        f"{event['ours']:.0f} us (bare {event['peer']:.0f}); {whole['ours']:,.0f} of 1,000 streams at once, "
        "every byte as it was sent"
    )


def _share_of(what: str) -> Mapping[str, Any]:
    """The one row of the detection bench that begins so; its counts stand behind the name."""
    (row,) = [
        row
        for (name, unit), row in bench("detection").items()
        if name.startswith(what) and unit == "share" and "upper" not in name
    ]
    return row


def _honest_hit() -> str:
    told = []
    for done in ("suspended", "slowed"):
        row = _share_of(f"honest accounts {done}, all (")
        upper = bench("detection")[f"{row['what']}, upper 95 % bound", "share"]["ours"]
        counts = row["what"].split("(")[1].rstrip(")")
        told.append(f"{done} {counts}, 1 in {1 / row['ours']:,.0f} (upper 95% bound 1 in {1 / upper:,.0f})")
    return "; ".join(told)


def _campaigns_found() -> str:
    rows = bench("detection")
    names = ("four_each", "diluted_90", "topic_shards", "follow_ups", "bought_people", "all_at_once", "loud")
    told = [f"{name} {rows[f'{name}: campaigns found', 'share']['ours']:.0%}" for name in names]
    everything = rows["all strategies: campaigns found", "share"]
    return f"{everything['ours']:.0%} of {everything['runs']}; {', '.join(told)}"


def _false_discoveries() -> str:
    found = [
        (name, row["ours"])
        for (name, _), row in bench("detection").items()
        if name.startswith("false discovery rate, campaigns")
    ]
    return ", ".join(f"{name.removeprefix('false discovery rate, campaigns, ')}: {share:.2%}" for name, share in found)


def _same_decisions() -> str:
    found = _figures("same_decisions")
    return (
        f"{found['different']} of {found['compared']} differ on {found['exchanges']:,} exchanges; two Ray workers to "
        f"one {found['workers_ratio']:.2f}, two cores to one {found['cores_ratio']:.2f} times as fast"
    )


def _live_detection() -> str:
    told = []
    for what, short in (
        ("CPU of the serving process a request, at full load", "CPU"),
        ("latency through the gateway at half load, p50", "latency p50"),
        ("latency through the gateway at half load, p99", "p99"),
    ):
        row = bench("live_detection")[f"{what}: added by detection", "us"]
        low, high = row["ours_quartiles"]
        told.append(f"{short} {row['ours']:.0f} us (quartiles {low:.0f} and {high:.0f})")
    return "; ".join(told)


def _exceeded() -> str:
    told = {one["what"]: one["found"] for one in recipe("validity")["shares"]}
    logs = [told[f"all, log of {spans} times the reference's length"] for spans in (1, 6)]
    return "; ".join(
        f"of {found[0]['subjects']:,} " + ", ".join(f"{one['alpha']:g}: {one['share']:.5f}" for one in found)
        for found in logs
    )


ROWS: list[tuple[str, Callable[[], str], str]] = [
    (
        "loss and gradient norm on one batch beside TRL 1.16, beta 0, 0.5, 1, float32",
        _same_numbers,
        "`scripts/bench distill_vs_trl`",
    ),
    (
        "completion tokens per second, strictly on-policy",
        lambda: _beside_trl("ours, on-policy", "completion tokens/s", 1),
        "the same",
    ),
    (
        "the same with one rollout phase for eight steps (answers up to seven steps old)",
        lambda: _beside_trl("ours, 8 steps ahead", "completion tokens/s", 1),
        "the same",
    ),
    (
        "peak memory, strictly on-policy",
        lambda: _beside_trl("ours, on-policy", "peak memory, GB", 2),
        "the same",
    ),
    ("share of the machine's measured matrix rate", _matrix_rate, "`scripts/bench roofline`"),
    (
        "a 1.5B judge over an API, 12 steps: win rate of the answers after training over those before, on tasks with "
        "numbers that training had not, as that judge sees it",
        _judged,
        "`recipes/judge`",
    ),
    (
        "rank correlation of that judge with a teacher's probabilities over the same answers",
        lambda: f"{_between(found := recipe('judge')['correlation'])}, {found['n']} prompts of 4 answers",
        "the same",
    ),
    (
        "a Qwen 1.5B teacher of another tokenizer, 32 steps: KL on held-out prompts, before to after",
        _across_tokenizers,
        "`recipes/cross_tokenizer`",
    ),
    ("collecting 500 answers, killed with SIGKILL on the way", _collected, "`recipes/collect`"),
    (
        "a local judge server's tokens per second under the client, beside its own; a cached answer",
        _kept_busy,
        "`scripts/bench judge`",
    ),
    (
        "agreement of the refusal rule with people's labels, held-out half of XSTest's completions",
        _refusals,
        "`recipes/refusal_agreement`",
    ),
    ("a student taught compliance, at the safety gate", _gate, "`recipes/safety_gate`"),
    ("alignment of two tokenizers, of a training step", _alignment, "`scripts/bench cross_tokenizer`"),
    (
        "CPU of a gateway a request of 1 KB: key, limits, policy, sealing, log, metrics",
        _gateway_cpu,
        "`scripts/bench gateway`",
    ),
    ("its requests a second of one core", _gateway_rate, "the same"),
    ("the time it adds at half its load", _gateway_added, "the same"),
    ("its CPU a streamed event; streams", _gateway_streams, "the same"),
    ("a gateway killed with SIGKILL under load: answers seen and not in its log", _killed, "`recipes/gateway_kill`"),
    ("tamperings of a ledger that were found", _tampered, "`recipes/ledger_tampering`"),
    ("a decision at one gateway until another keeps it", _decided, "`recipes/two_gateways`"),
    (
        "honest accounts of composed traffic, look-alikes among them, that detection ever hit",
        _honest_hit,
        "`scripts/bench detection`",
    ),
    (
        "campaigns found, six of each strategy, each with another objective",
        _campaigns_found,
        "the same",
    ),
    (
        "false discoveries among campaigns, mean share, by action",
        _false_discoveries,
        "the same",
    ),
    (
        "honest accounts, simulated, whose e-value ever reached 1 / alpha within a span of the reference's length, by "
        "alpha; in a log of one span, and of six",
        _exceeded,
        "`recipes/validity`",
    ),
    (
        "decisions of a replay by one process, from Parquet, by Ray, and live with a detector that was killed",
        _same_decisions,
        "`recipes/same_decisions`",
    ),
    (
        "what live detection adds to a request, with the detector on the same core",
        _live_detection,
        "`scripts/bench live_detection`",
    ),
]
