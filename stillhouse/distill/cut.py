"""Cutting a student, with the source model's own answers to calibrate on.

What a layer does is measured where it will be used: on chat prompts followed by what the model itself answers.
"""

from collections.abc import Sequence
from pathlib import Path

from stillhouse.config import validate
from stillhouse.distill.checkpoint import whole_folder
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.encode import EncodedPrompt, encode_prompts
from stillhouse.distill.network import Network
from stillhouse.distill.origins import full_name, licence_at
from stillhouse.distill.phase import Writers, write_answers
from stillhouse.distill.preflight import check_layers, end_tokens, own_vocabulary
from stillhouse.distill.prompts import load_prompts
from stillhouse.distill.pruning import Method, PruningReport
from stillhouse.distill.student import make_student, save_student
from stillhouse.models.local import load_model, load_tokenizer, resolve
from stillhouse.records import check_free, check_place

__all__ = ["cut", "cut_student"]

_STREAM = 6
_ANSWERS, _ANSWER_TOKENS, _PROMPT_TOKENS = 3, 48, 60


def cut(
    source: Writers,
    prompts: Sequence[EncodedPrompt],
    layers: int,
    folder: Path,
    settings: DistillSettings,
) -> PruningReport:
    """Cut `source.teacher` to `layers` layers and save the student in `folder`, which appears whole or not at all.

    The report names it as `settings.student.prune` does. Calibrated on the answers of `source.teacher` to the first
    three of `prompts`, long prompts last: reading one costs time in every trial and grades nothing. StorageError if
    the disk refuses.
    """
    name = settings.student.prune
    assert source.teacher is not None and name is not None
    asked = sorted(prompts, key=lambda p: len(p.tokens) > _PROMPT_TOKENS)[:_ANSWERS]
    cap = min(settings.rollout.max_new_tokens, _ANSWER_TOKENS)
    answers = write_answers(source, "teacher", asked, settings, cap, settings.seed, _STREAM)
    student, report = make_student(
        source.teacher.model,
        layers,
        answers,
        source=full_name(name),
        licence=licence_at(resolve(name)),
        method=settings.student.importance,
    )
    with whole_folder(folder) as draft:
        save_student(student, source.tokenizer, draft, report)
    return report


def cut_student(
    name: str, layers: int, folder: Path, *, method: Method = "kl", revision: str | None = None, seed: int = 0
) -> PruningReport:
    """`cut` for the model called `name`, with the shipped instructions as prompts.

    RunFolderError if `folder` is there and not empty, StorageError if it cannot be made, ConfigError if the model
    has fewer layers: all before anything is computed or written.
    """
    check_free(folder, "--out")
    check_place(folder, make_parents=True)
    settings = validate(
        DistillSettings,
        {
            "teacher": {"model": name, "permission": "calibration only"},
            "student": {"prune": name, "layers": layers, "importance": method},
            "prompts": [{"name": "instructions"}],
            "steps": 1,
            "seed": seed,
        },
        "distill student",
    )
    tokenizer, model = load_tokenizer(name, revision), load_model(name, revision=revision)
    check_layers(name, model, layers)
    network = Network(model, own_vocabulary(tokenizer))
    source = Writers(network, network, tokenizer, end_tokens(model, tokenizer))
    prompts = encode_prompts(tokenizer, load_prompts(settings.prompts[0]), longest=settings.max_prompt_tokens)
    return cut(source, prompts, layers, folder, settings)
