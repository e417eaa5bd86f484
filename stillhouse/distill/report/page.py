"""From a run folder to the page: every value is made ready here, so that the template only places them."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from stillhouse.distill.evidence import Evidence, read_evidence
from stillhouse.distill.grader_text import grader_text
from stillhouse.distill.measures import interval_text, measure, measure_order, value_text
from stillhouse.distill.report.amounts import count_text, duration_text, flops_text, parameters_text
from stillhouse.distill.report.panels import panels
from stillhouse.distill.report.plots import interval_plot, time_bar
from stillhouse.distill.report.spending import part_seconds, spending
from stillhouse.distill.verdict import verdict
from stillhouse.models.spending import money
from stillhouse.records import write_atomic

__all__ = ["render", "write_report"]

WHO = ("teacher", "before", "after")
_FINISH = {"stop": "ended its turn", "length": "cut at the cap", "repetition": "stopped for repeating"}


def write_report(run: Path) -> Path:
    """Write `report.html` into the run folder and return its path.

    Raises RunFolderError where `run` is no run folder, RecordError (file:line) for a malformed file in it.
    """
    page = run / "report.html"
    write_atomic(page, render(read_evidence(run)))
    return page


def render(evidence: Evidence) -> str:
    """The page as HTML text. The same evidence gives the same text."""
    environment = Environment(
        loader=PackageLoader("stillhouse.distill", "data"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": count_text, "duration": duration_text, "flops": flops_text, "money": money}
    return environment.get_template("report.html.j2").render(
        run=evidence,
        manifest=evidence.manifest,
        names=_names(evidence.manifest),
        facts=_facts(evidence),
        verdict=verdict(evidence),
        rows=_rows(evidence.evaluation),
        methods=_methods(evidence.evaluation),
        panels=panels(evidence.steps),
        bar=_bar(evidence),
        spending=spending(evidence),
        finish=_FINISH,
        grader=grader_text(evidence.manifest["grader"]),
        command=shlex.join(evidence.manifest["command"]),
    )


def _names(manifest: Mapping[str, Any]) -> dict[str, str]:
    """What teacher and student are called in headings: the last part of a path or hub name."""
    teacher, student = manifest["teacher"], manifest["student"]
    name = _short(student["id"])
    if student["layers_kept"] is not None:
        name += f", {len(student['layers_kept'])} layers"
    return {"teacher": _short(teacher["id"]), "student": name}


def _facts(evidence: Evidence) -> list[tuple[str, str]]:
    """The strip under the title. Facts that a run does not have yet are left out."""
    manifest, steps = evidence.manifest, evidence.steps
    facts = [
        *([("Teacher parameters", parameters_text(known))] if (known := manifest["teacher"]["parameters"]) else []),
        ("Student parameters", parameters_text(manifest["student"]["parameters"])),
        ("Steps", f"{evidence.done} of {evidence.planned}" if steps else "none yet"),
    ]
    if steps and "tokens" in steps[-1]:
        facts.append(("Completion tokens", count_text(steps[-1]["tokens"])))
    if evidence.seconds:
        facts.append(("Training time", duration_text(evidence.seconds)))
    if operations := manifest.get("flops", {}).get("total"):
        facts.append(("Operations", flops_text(operations)))
    if (cost := manifest["api_cost"])["value"]:
        facts.append(("Paid calls", f"{money(cost['value'])} {cost['currency']}"))
    return facts


def _rows(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The table of results: a cell is value and interval, or None where it was not measured."""
    keys = measure_order(key for who in WHO for key in evaluation.get(who) or {})
    rows = []
    for number, key in enumerate(keys):
        m = measure(key)
        results = {who: evaluation[who][key] for who in WHO if key in (evaluation.get(who) or {})}
        cells = {who: (value_text(m.kind, r["value"]), interval_text(m.kind, r)) for who, r in results.items()}
        said = "; ".join(f"{who} {value}" + f" ({ends})" * bool(ends) for who, (value, ends) in cells.items())
        rows.append(
            {
                "measure": m,
                "cells": {who: cells.get(who) for who in WHO},
                "n": sorted({r["n"] for r in results.values() if "n" in r}),
                "plot": interval_plot(results, name=f"interval-{number}", label=f"{m.label}: {said}"),
            }
        )
    return rows


def _methods(evaluation: Mapping[str, Any]) -> list[str]:
    """Every way in which an interval was computed, once."""
    return sorted({r["method"] for who in WHO for r in (evaluation.get(who) or {}).values() if r.get("method")})


def _bar(evidence: Evidence) -> Markup | None:
    seconds = part_seconds(evidence)
    if not seconds:
        return None
    whole = sum(seconds.values())
    said = ", ".join(f"{part} {100 * spent / whole:.0f} %" for part, spent in seconds.items())
    return time_bar(seconds, name="time", label=f"Share of the training time: {said}")


def _short(model: str) -> str:
    return model.rstrip("/").rpartition("/")[2]
