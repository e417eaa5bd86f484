"""Training prompts that the teacher of a run writes (`name: magpie`), made before the run has a folder.

What a teacher writes may turn out to be useless, and that is bad input like any other: it must show before
anything is left behind. The random numbers are the source's own, so a run that is begun again gets the same.
"""

import json
from pathlib import Path

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.encode import EncodedPrompt, text_of
from stillhouse.distill.magpie import clean_queries, magpie_prefix
from stillhouse.distill.network import Network
from stillhouse.distill.phase import Writers, write_answers
from stillhouse.distill.prompts import Prompt, drop_duplicates, source_record
from stillhouse.distill.sections import PromptSource
from stillhouse.distill.setup import Data, Models, check_prompts
from stillhouse.errors import ConfigError
from stillhouse.types import Message

__all__ = ["add_queries", "teacher_queries"]

_STREAM, _TOKENS, _COUNT = 5, 64, 200


def teacher_queries(models: Models, settings: DistillSettings, source: PromptSource, kept: Path) -> list[str]:
    """Queries that the teacher writes from its bare template (Xu et al. 2024), or those in the file `kept`."""
    if kept.exists():
        found: list[str] = json.loads(kept.read_text(encoding="utf-8"))
        return found
    own, weights = models.teacher_tokenizer, models.teacher
    assert own is not None and weights is not None  # the settings class checks it
    # The student's tokenizer may have another chat template.
    prefix = own(magpie_prefix(own), add_special_tokens=False)["input_ids"]
    teacher = Network(weights, models.vocabulary)
    writers = Writers(teacher, teacher, models.tokenizer, models.ends)
    blanks = [EncodedPrompt(Prompt.of([Message("user", "")]), tuple(prefix))] * (source.limit or _COUNT)
    answers = write_answers(writers, "teacher", blanks, settings, _TOKENS, source.seed, _STREAM)
    ended = [a.tokens[:-1] for a in answers if a.finish_reason == "stop"]
    return clean_queries([text_of(models.tokenizer, tokens, special=True) for tokens in ended])


def add_queries(data: Data, queries: list[str], settings: DistillSettings) -> None:
    """Put the teacher's queries among the training prompts. ConfigError if there are still too few."""
    assert data.magpie is not None
    prompts = [Prompt.of([Message("user", text)]) for text in queries]
    data.records.append({**source_record(data.magpie, prompts), "used_for": "training"})
    data.prompts[:] = drop_duplicates([*data.prompts, *prompts])[0]
    try:
        check_prompts(data, settings)
    except ConfigError as error:
        asked = data.magpie.limit or _COUNT
        raise ConfigError(f"{error}; of {asked} that the teacher wrote (magpie), {len(queries)} are usable") from None
