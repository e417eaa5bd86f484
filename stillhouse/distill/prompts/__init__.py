"""Where the questions come from: files by path, and sources that come with the package.

A prompt's id is made from its words, so the same question has the same id in every file, on every
machine and after every resume; duplicates, held-out splits and the rollout store all rest on that.
"""

from stillhouse.distill.prompts.files import read_prompts
from stillhouse.distill.prompts.packaged import reasoning_gym_tasks
from stillhouse.distill.prompts.prompt import Prompt, digest, drop_duplicates
from stillhouse.distill.prompts.source import load_prompts, read_source, source_record

__all__ = [
    "Prompt",
    "digest",
    "drop_duplicates",
    "load_prompts",
    "read_prompts",
    "read_source",
    "reasoning_gym_tasks",
    "source_record",
]
