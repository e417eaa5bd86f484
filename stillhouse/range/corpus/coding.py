"""Coding tasks, sessions of coding agents, and passages, from what every Python brings along.

An agent's session is long because of what its tools return; real files of the standard library give that text without a
copy in this package. Another version of Python has other files: the corpus's digest says so.
"""

import json
import sysconfig
from importlib import import_module
from itertools import product
from pathlib import Path

from stillhouse.range.corpus.clip import clip
from stillhouse.range.corpus.corpus import CodingSession
from stillhouse.range.corpus.rows import passages
from stillhouse.range.seeds import draws

__all__ = ["code_tasks", "coding_sessions", "library_passages"]

_SESSIONS = 240
_EXCERPT = 700  # characters that a tool returns
_FILES = (
    "argparse.py",
    "bisect.py",
    "calendar.py",
    "configparser.py",
    "contextlib.py",
    "csv.py",
    "dataclasses.py",
    "difflib.py",
    "fnmatch.py",
    "fractions.py",
    "functools.py",
    "gettext.py",
    "glob.py",
    "heapq.py",
    "http/client.py",
    "http/cookies.py",
    "json/decoder.py",
    "json/encoder.py",
    "logging/handlers.py",
    "mailbox.py",
    "pathlib.py",
    "pprint.py",
    "queue.py",
    "sched.py",
    "shelve.py",
    "shlex.py",
    "statistics.py",
    "string.py",
    "tempfile.py",
    "textwrap.py",
    "urllib/parse.py",
    "zipfile.py",
)
_CHANGES = (
    ("add a `strict` option to `{name}` and keep the old behaviour as the default", "a strict option"),
    ("`{name}` fails on empty input; make it return an empty result and add a test", "the empty case"),
    ("write type hints for `{name}` and fix what the type checker then finds", "type hints"),
    ("`{name}` is slow for long inputs; profile it and remove the quadratic part", "the slow loop"),
    ("split `{name}` into two functions, one that reads and one that decides", "the split"),
    ("document the errors that `{name}` raises, and raise ValueError with a clear text", "the errors"),
    ("the tests of `{name}` are flaky on Windows; find out why and mend them", "the flaky tests"),
)
_LANGUAGES = ("Python", "TypeScript", "Go", "Rust", "Java", "C++", "Kotlin", "PHP", "Ruby", "Swift", "C#", "SQL")
_JOBS = (
    "reads a CSV file and prints the sum of each numeric column",
    "checks whether brackets in a text are balanced",
    "merges two sorted lists without using a library sort",
    "finds the longest word that two texts have in common",
    "keeps the last hundred lines of a growing log file",
    "parses an ISO 8601 date and says which weekday it is",
    "validates an IBAN and says which digit is wrong",
    "counts how often each file type occurs below a folder",
    "turns a Roman numeral into a number and back",
    "rate-limits calls to three per second",
    "computes the edit distance of two words",
    "groups a list of orders by customer and month",
    "retries a call with growing pauses and gives up after five tries",
    "flattens a nested list of unknown depth",
    "draws a histogram of numbers with asterisks",
    "finds duplicates in a list of e-mail addresses, ignoring case",
    "caches the results of a slow function for ten minutes",
    "converts a tree of folders into nested JSON",
    "finds the shortest path in a grid with walls",
    "replaces all tabs of a file by the right number of blanks",
)


def code_tasks() -> tuple[str, ...]:
    """Short tasks in twelve languages, in a fixed order that mixes them."""
    tasks = [f"Write a {language} function that {job}." for job, language in product(_JOBS, _LANGUAGES)]
    draws("code tasks").shuffle(tasks)
    return tuple(tasks)


def library_passages() -> tuple[str, ...]:
    """The reference texts that come with Python, in passages."""
    topics: dict[str, str] = import_module("pydoc_data.topics").topics
    return tuple(dict.fromkeys(piece for name in sorted(topics) for piece in passages(topics[name])))


def coding_sessions() -> tuple[CodingSession, ...]:
    """Sessions of a coding agent: it lists, reads, edits and tests, one to three times over."""
    library = Path(sysconfig.get_paths()["stdlib"])
    files = {name: (library / name).read_text(encoding="utf-8") for name in _FILES if (library / name).is_file()}
    return tuple(_session(number, files) for number in range(_SESSIONS))


def _session(number: int, files: dict[str, str]) -> CodingSession:
    rng = draws("coding session", number)
    path = rng.choice(sorted(files))
    text = files[path]
    names = [line[4:].partition("(")[0] for line in text.splitlines() if line.startswith("def ")] or ["main"]
    name = rng.choice(names)
    change, short = rng.choice(_CHANGES)
    steps: list[tuple[str, dict[str, str], str]] = [
        (
            "list_files",
            {"folder": path.rpartition("/")[0] or "."},
            "\n".join(rng.sample(sorted(files), min(12, len(files)))),
        )
    ]
    for turn in range(rng.randint(1, 3)):
        start = max(0, text.find(f"def {name}(")) if turn == 0 else rng.randrange(max(1, len(text) - _EXCERPT))
        steps.append(
            ("read_file", {"path": path, "offset": str(start)}, clip(text[start : start + _EXCERPT], _EXCERPT))
        )
        steps.append(("search", {"query": name}, f"{path}:{text.count(chr(10), 0, start) + 1}: def {name}("))
        steps.append(
            ("edit_file", {"path": path, "change": f"{short} in {name}, part {turn + 1}"}, "edited, 1 file changed")
        )
        failed = rng.randint(0, 2)
        ran = json.dumps({"passed": rng.randint(8, 90), "failed": failed})
        steps.append(
            (
                "run_tests",
                {"select": name},
                f"{ran}\n" + ("AssertionError: expected [] but got None" if failed else "ok"),
            )
        )
    task = f"In {path}: {change.format(name=name)}."
    return CodingSession(task, tuple(steps), f"Done: {short} for `{name}` in {path}; the tests pass.")
