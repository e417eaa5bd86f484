"""Cutting a student, with the source model's own words as the calibration text.

What a layer does is measured where it will be used: on chat prompts followed by what the model itself answers.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from stillhouse.distill.checkpoint import sync_folder
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.encode import EncodedPrompt, encode_prompts, text_of
from stillhouse.distill.network import Network
from stillhouse.distill.phase import Writers, write_answers
from stillhouse.distill.preflight import end_tokens, shared_vocabulary
from stillhouse.distill.prompts import load_prompts
from stillhouse.distill.student import Method, PruningReport, make_student, save_student
from stillhouse.errors import RunFolderError
from stillhouse.models.local import load_model, load_tokenizer

__all__ = ["cut", "cut_student"]

_STREAM, _TEXTS = 6, 8


def cut(
    source: Writers,
    prompts: Sequence[EncodedPrompt],
    layers: int,
    folder: Path,
    settings: DistillSettings,
) -> PruningReport:
    """Cut `source.teacher` to `layers` layers and save the student in `folder`, which appears whole or not at all.

    Calibrated on the answers of `source.teacher` to the first few of `prompts`.
    """
    cap = settings.rollout.max_new_tokens
    answers = write_answers(source, "teacher", list(prompts[:_TEXTS]), settings, cap, settings.seed, _STREAM)
    texts = [text_of(source.tokenizer, a.prompt_tokens + a.tokens, special=True) for a in answers]
    student, report = make_student(
        source.teacher.model, source.tokenizer, layers, texts, method=settings.student.importance
    )
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    save_student(student, source.tokenizer, draft, report)
    sync_folder(draft)
    draft.rename(folder)
    return report


def cut_student(
    name: str, layers: int, folder: Path, *, method: Method = "kl", revision: str | None = None, seed: int = 0
) -> PruningReport:
    """`cut` for the model called `name`, with the shipped instructions as prompts.

    RunFolderError if `folder` is there and not empty; ConfigError if the model has fewer layers.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunFolderError(f"{folder}: is not empty; give a new --out")
    tokenizer, model = load_tokenizer(name, revision), load_model(name, revision=revision)
    settings = DistillSettings.model_validate(
        {
            "teacher": {"model": name, "permission": "calibration only"},
            "student": {"prune": name, "layers": layers, "importance": method},
            "prompts": [{"name": "instructions", "limit": _TEXTS}],
            "steps": 1,
            "seed": seed,
        }
    )
    network = Network(model, shared_vocabulary(tokenizer, tokenizer, name, name))
    source = Writers(network, network, tokenizer, end_tokens(model, tokenizer))
    prompts = encode_prompts(tokenizer, load_prompts(settings.prompts[0]), longest=settings.max_prompt_tokens)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return cut(source, prompts, layers, folder, settings)
