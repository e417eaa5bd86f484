"""A whole collection, from settings to a prompt file with given answers and its manifest.

The order: read and check everything; claim the folder; ask what is not answered yet; sort out all answers; write down
what happened. The answers are the only state. What is made from them is made anew at every stop, so a run that was
killed at any moment, any number of times, ends with the files of one that was not, given the same answers.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from stillhouse.config import dump
from stillhouse.distill.collect.ask import ask
from stillhouse.distill.collect.items import Answers, Item, items_of
from stillhouse.distill.collect.manifest import build_manifest, count_outcomes, rfc3339
from stillhouse.distill.collect.progress import CollectProgress
from stillhouse.distill.collect.resume import check_same_prompts, check_same_settings
from stillhouse.distill.collect.selection import Selection, select
from stillhouse.distill.collect.settings import CollectSettings
from stillhouse.distill.collect.sources import read_prompts_of
from stillhouse.errors import BudgetError, StillhouseError
from stillhouse.records import RunFolder, claim, commit, digest_file, versions, write_atomic, write_json
from stillhouse.records.files import encode_line

__all__ = ["Collected", "collect"]
