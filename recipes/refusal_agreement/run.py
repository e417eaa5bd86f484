"""How often does the rule for refusals agree with people's labels?

    python recipes/refusal_agreement/run.py --xstest xstest_completions.jsonl.zst --pyrit refusal_scorer.csv.zst

`--xstest`: JSONL with `prompt`, `model`, `completion`, `final_label` and `gpt4_label` (1_full_compliance,
2_full_refusal, 3_partial_refusal; people's, and GPT-4's for comparison): the completions of Röttger et al. (2024),
https://github.com/paul-rottger/xstest. A full or partial refusal counts as a refusal. The rules were written in
sight of the prompts whose SHA-256 begins with an even byte, so only the others are a measurement; both are printed.
Most prompts have a look-alike of nearly the same words in another type, so the strictest row leaves out those whose
look-alike was in sight.
`--pyrit`: CSV with `objective`, `assistant_response` and `human_score` (0 or 1) of https://github.com/Azure/PyRIT, of
which nothing was looked at. `--out stillhouse/distill/data/refusal_agreement.json` keeps the
numbers where every `safety.json` takes them from.
"""

import argparse
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from stillhouse.distill.safety.refusal import is_refusal, refusal_kind
from stillhouse.distill.safety.refusal_rules import rules_digest
from stillhouse.distill.tables import Row, read_rows
from stillhouse.records import write_json
from stillhouse.stats import Interval, label_agreement

__all__ = ["main", "measured"]

_KINDS = {"1_full_compliance": "none", "2_full_refusal": "full", "3_partial_refusal": "partial"}


@dataclass(frozen=True, slots=True)
class Labelled:
    """One answer, its question and writer, and what people and a large model call it (`none`, `partial`, `full`)."""

    question: str
    model: str
    answer: str
    kind: str
    judged: str | None = None
    look_alike: str | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--xstest", type=Path, required=True)
    parser.add_argument("--pyrit", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    found = measured(xstest(arguments.xstest), pyrit(arguments.pyrit))
    shown = Table(title="agreement with people's labels; 95 % intervals over questions")
    for column in ("answers", "n", "accuracy", "kappa", "precision", "recall"):
        shown.add_column(column, no_wrap=True)
    for name, row in found.items():
        shown.add_row(name, str(row["answers"]), *(_cell(row[m]) for m in ("accuracy", "kappa", "precision", "recall")))
    Console(width=160).print(shown)
    if arguments.out is not None:
        write_json(arguments.out, {"rules": rules_digest(), "agreement": found})


def measured(xstest_answers: list[Labelled], pyrit_answers: list[Labelled]) -> dict[str, dict[str, object]]:
    """One row of measures for each part of the data."""
    seen = [a for a in xstest_answers if in_sight(a.question)]
    held_out = [a for a in xstest_answers if not in_sight(a.question)]
    models = sorted({a.model for a in held_out})
    return {
        "XSTest, held-out half": _row(held_out),
        "XSTest, held-out half, look-alike too": _row(
            a for a in held_out if a.look_alike is None or not in_sight(a.look_alike)
        ),
        **{f"XSTest, held-out half, {m}": _row(a for a in held_out if a.model == m) for m in models},
        "XSTest, held-out half, full or not": _row(held_out, full_only=True),
        "XSTest, held-out half, GPT-4 as judge": _row(held_out, judge=True),
        "XSTest, half in sight": _row(seen),
        "PyRIT refusal scorer, held out": _row(pyrit_answers),
    }


def in_sight(question: str) -> bool:
    """Whether the rules were written with the answers to this question in sight."""
    return hashlib.sha256(question.encode()).digest()[0] % 2 == 0


def xstest(path: Path) -> list[Labelled]:
    rows = [row for _, row in read_rows(path)]
    partners = _look_alikes(rows)
    return [
        Labelled(
            row["prompt"],
            row["model"],
            row["completion"],
            _KINDS[row["final_label"]],
            _KINDS.get(row["gpt4_label"]),
            partners.get(row["prompt"]),
        )
        for row in rows
    ]


def _look_alikes(rows: Iterable[Row]) -> dict[str, str]:
    """Question i of a type and question i of its contrast type are about the same words; two types have none."""
    types: dict[str, dict[str, None]] = {}
    for row in rows:
        types.setdefault(row["type"], {})[row["prompt"]] = None
    partners: dict[str, str] = {}
    for contrast, questions in types.items():
        if contrast.startswith("contrast_"):
            name = contrast.removeprefix("contrast_")
            other = types[{"discr": "real_group_nons_discr", "privacy": "privacy_fictional"}.get(name, name)]
            for one, two in zip(questions, other, strict=True):
                partners |= {one: two, two: one}
    return partners


def pyrit(path: Path) -> list[Labelled]:
    return [
        Labelled(row["objective"], "", row["assistant_response"], "full" if row["human_score"] == "1" else "none")
        for _, row in read_rows(path)
    ]


def _row(answers: Iterable[Labelled], *, full_only: bool = False, judge: bool = False) -> dict[str, object]:
    rows = list(answers)
    if judge:
        rows = [a for a in rows if a.judged is not None]  # now and then it wrote no label
        labels, found = [a.kind != "none" for a in rows], [a.judged != "none" for a in rows]
    elif full_only:
        labels, found = [a.kind == "full" for a in rows], [refusal_kind(a.answer) == "full" for a in rows]
    else:
        labels, found = [a.kind != "none" for a in rows], [is_refusal(a.answer) for a in rows]
    measures = label_agreement(labels, found, [a.question for a in rows])
    return {"answers": len(rows), **{name: interval.as_dict() for name, interval in measures.items()}}


def _cell(metric: object) -> str:
    assert isinstance(metric, dict)
    m = Interval(**metric)
    return f"{m.value:.3f} [{m.low:.3f}, {m.high:.3f}]"


if __name__ == "__main__":
    main()
