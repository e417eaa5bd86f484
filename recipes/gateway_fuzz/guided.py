"""Drives the targets under atheris (libFuzzer), which keeps the inputs that reach new code: a process of its own.

`python -m recipes.gateway_fuzz.guided INPUTS SEED FOLDER`, with atheris on the path. A fault does not end it: one input
is kept for each place that faults come from, made smaller, and told in the last line. Each line is a JSON object.
"""

import importlib
import json
import os
import random
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

_EVERY = 1000
_SHRINKING_SECONDS = 5.0
_LONGEST = 16_384


class _Run:
    """`targets` is the module, imported under instrumentation."""

    def __init__(self, targets: Any, inputs: int) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: dict[str, dict[str, Any]] = {}
        self._targets = targets
        self._inputs = inputs
        self._done = 0

    def __call__(self, data: bytes) -> None:
        if len(data) < 3:
            return
        what, name, _ = self._targets.TARGETS[data[0] % len(self._targets.TARGETS)]
        ended, told = self.ended(data)
        self.counts[f"{what} {name} {'fault' if told else ended}"] += 1
        if told:
            known = self.faults.get(ended)
            if known is None or len(data) < len(known["input"]):
                self.faults[ended] = {"target": f"{what} {name}", "input": data, "told": told}
        self._done += 1
        if self._done % _EVERY == 0 or self._done == self._inputs:
            _say({"done": self._done})
        if self._done == self._inputs:
            self._end()

    def ended(self, data: bytes) -> tuple[str, str]:
        """`served` or `refused`; or the place of a fault, and its traceback."""
        _, name, target = self._targets.TARGETS[data[0] % len(self._targets.TARGETS)]
        try:
            target(name, data[1], data[2], data[3:])
        except self._targets.Refusal:
            return "refused", ""
        except Exception as error:
            ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "stillhouse" in frame.filename]
            last = ours[-1] if ours else traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__} {Path(last.filename).name}:{last.lineno}"
            if isinstance(error, self._targets.Broken):
                place = str(error).partition(":")[0]
            return place, "".join(traceback.format_exception(error))[-4000:]
        return "served", ""

    def _end(self) -> None:
        for place, fault in self.faults.items():
            small = self._smaller(place, fault["input"])
            _, fault["told"] = self.ended(small)
            fault["input"] = small.hex()
        _say({"counts": self.counts, "faults": self.faults})
        os._exit(0)  # libFuzzer has no other end for a run of a given length

    def _smaller(self, place: str, data: bytes) -> bytes:
        """The input without whatever the fault can do without, as far as a few seconds go."""
        until = time.monotonic() + _SHRINKING_SECONDS
        size = len(data) // 2
        while size >= 1 and time.monotonic() < until:
            at = 3
            while at < len(data) and time.monotonic() < until:
                less = data[:at] + data[at + size :]
                if len(less) > 3 and self.ended(less)[0] == place:
                    data = less
                else:
                    at += size
            size //= 2
        return data


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def main(inputs: int, seed: int, folder: Path) -> None:
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["stillhouse.guard"]):
        from recipes.gateway_fuzz import targets
    from recipes.gateway_fuzz.mutate import mutated_bytes, mutated_json, mutated_stream, plain
    from recipes.gateway_fuzz.seeds import BLOBS, FORMATS, Sealed

    run = _Run(targets, inputs)
    sealed = Sealed(targets.KEYRING, targets.ACCOUNT)
    formats = {one.name: one for one in FORMATS}
    rng = random.Random(seed)
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    number = 0
    for index, (what, name, _) in enumerate(targets.TARGETS):
        one = formats[name]
        values: list[Any] = [*(one.requests if what == "request" else one.answers)]
        texts = [plain(value, rng, sealed) for value in values] if what != "stream" else list(one.streams)
        if name == "chat.completions" and what in ("answer", "again"):
            texts.append(json.dumps(BLOBS).encode())
        for text in texts:
            for options in range(4):
                (corpus / f"{number:05}").write_bytes(bytes((index, options, 0)) + text)
                number += 1

    def mutate(data: bytes, most: int, draw: int) -> bytes:
        """One input of another; half of the time its first bytes (target, options, cuts) change too."""
        rng = random.Random(draw)
        if len(data) < 4:
            data = bytes((rng.randrange(256), 0, 0)) + data
        head, text = data[:3], data[3:]
        what, name, _ = targets.TARGETS[head[0] % len(targets.TARGETS)]
        choice = rng.random()
        if choice < 0.2:
            head = bytes((head[0] % len(targets.TARGETS), rng.randrange(4), rng.randrange(256)))
        if choice < 0.3:
            return bytes(head + atheris.Mutate(text, max(1, most - 3)))[:most]
        if choice < 0.4:
            text = mutated_bytes(text, rng)
        elif what == "stream":
            text = mutated_stream(text, rng, sealed)
        else:
            try:
                text = mutated_json(json.loads(text), rng, sealed)
            except (ValueError, RecursionError):
                source = formats[name].requests if what == "request" else formats[name].answers
                text = mutated_json(rng.choice(source), rng, sealed)
        return (head + text)[:most]

    flags = [
        *(f"-seed={seed + 1}", "-runs=-1", f"-max_len={_LONGEST}", "-len_control=0", "-timeout=10", "-verbosity=0"),
        *("-rss_limit_mb=4096", f"-artifact_prefix={folder}/", str(corpus)),
    ]
    atheris.Setup(["guided", *flags], run, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
