"""The student's model card: what somebody who only has the weights must be able to know.

Weights travel without their run folder, so teacher, permission, prompts and limits go along in the one file
that the Hugging Face hub shows first. It says nothing that the run folder does not say, and less of one thing:
where folders lay on the machine of the run is nobody else's business, so absolute paths lose all but their last part.
"""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from stillhouse.distill.evidence import Evidence, read_evidence
from stillhouse.distill.grader_text import grader_text
from stillhouse.distill.measures import cell_text, measure, measure_order
from stillhouse.distill.verdict import verdict
from stillhouse.records import write_atomic

__all__ = ["card_head", "write_card"]

WHO = ("before", "after", "teacher")
_TASK = "exact_match/"
_FOLDERS = re.compile(r"(?<![\w./~:-])~?/[^'\",]*/")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
# Identifiers that the hub knows; any other licence goes under its name as `other`.
_HUB_LICENCE = re.compile(
    r"apache-2\.0|mit|bsd(-[23]-clause)?|mpl-2\.0|a?gpl-3\.0|lgpl-3\.0|unlicense"
    r"|cc0-1\.0|cc-by-sa-3\.0|cc-by(-nc)?(-sa|-nd)?-4\.0|openrail|gemma|llama2|llama3(\.[123])?|llama4"
)


def write_card(run: Path) -> Path:
    """Write `student/README.md` into the run folder, which holds `student/`, and return its path.

    Raises RunFolderError where `run` is no run folder, RecordError (file:line) for a malformed file in it.
    """
    evidence = read_evidence(run)
    environment = Environment(
        loader=PackageLoader("stillhouse.distill", "data"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["public"] = _without_folders
    settings = yaml.safe_load(evidence.settings)
    text = environment.get_template("card.md.j2").render(
        head=yaml.safe_dump(card_head(evidence), sort_keys=False, allow_unicode=True),
        name=_name(evidence.manifest["student"]),
        run=evidence,
        manifest=evidence.manifest,
        verdict=verdict(evidence),
        grader=grader_text(evidence.manifest["grader"]),
        rows=_rows(evidence.evaluation),
        safety=evidence.safety,
        safety_rows=_rows(evidence.safety or {}),
        cap=settings["rollout"]["max_new_tokens"],
        command=shlex.join(_without_folders(part) for part in evidence.manifest["command"]),
    )
    card = run / "student" / "README.md"
    write_atomic(card, text)
    return card


def card_head(evidence: Evidence) -> dict[str, Any]:
    """The YAML head of the card: `base_model` only where it is a hub name, `license` as the hub spells it."""
    manifest = evidence.manifest
    head: dict[str, Any] = {}
    if _HUB_NAME.fullmatch(manifest["student"]["id"]):
        head["base_model"] = manifest["student"]["id"]
    head |= _licence(manifest["student"]["licence"])
    head |= {"library_name": "transformers", "pipeline_tag": "text-generation", "tags": ["distillation", "stillhouse"]}
    results = [_result(key, r) for key, r in evidence.evaluation.get("after", {}).items() if key.startswith(_TASK)]
    if results:
        head["model-index"] = [{"name": _name(manifest["student"]), "results": results}]
    return head


def _licence(licence: str | None) -> dict[str, str]:
    if licence is None:
        return {"license": "unknown"}
    if _HUB_LICENCE.fullmatch(licence.lower()):
        return {"license": licence.lower()}
    return {"license": "other", "license_name": licence}


def _result(key: str, result: Mapping[str, Any]) -> dict[str, Any]:
    source, _, task = key.removeprefix(_TASK).rpartition("/")
    return {
        "task": {"type": "text-generation"},
        "dataset": {"name": task, "type": source or task},
        "metrics": [{"type": "exact_match", "name": measure(key).label, "value": result["value"]}],
    }


def _name(student: Mapping[str, Any]) -> str:
    base = student["id"].rstrip("/").rpartition("/")[2]
    base = base.partition(" (")[0]
    return f"{base}-{len(student['layers_kept'])}-layers" if student["layers_kept"] is not None else f"{base}-student"


def _rows(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The evaluation as text: label, meaning, and one cell each for before, after and teacher."""
    return [
        {
            "label": measure(key).label,
            "meaning": measure(key).meaning,
            "cells": [_cell(key, (evaluation.get(who) or {}).get(key)) for who in WHO],
        }
        for key in measure_order(key for who in WHO for key in evaluation.get(who) or {})
    ]


def _cell(key: str, result: Mapping[str, Any] | None) -> str:
    return "not measured" if result is None else cell_text(key, result)


def _without_folders(text: str) -> str:
    """`text` with each absolute path in it, which ends at a quote or comma, cut down to its last part."""
    return _FOLDERS.sub("", text)
