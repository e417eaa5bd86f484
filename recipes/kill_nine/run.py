"""Kill a run with SIGKILL at random moments, resume it, and compare it byte for byte with one never killed.

`python -m recipes.kill_nine.run --out DIR [--kills 10]`. Exit 0 if the student, the last checkpoint's tensors
and the rollout store are equal in every byte, 1 if not.
"""

import argparse
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from stillhouse.records import digest_file

CONFIG = """\
teacher: {model: bundled, permission: "Apache-2.0"}
student: {prune: bundled, layers: 4, importance: block_influence}
prompts: [{name: instructions, limit: 120}]
steps: 24
batch: 4
micro_batch: 2
max_prompt_tokens: 160
rollout: {max_new_tokens: 12, batch: 8, steps_ahead: 2}
checkpoint: {every: 5, keep: 2}
evaluation: {held_out: 8, max_new_tokens: 12, samples: 2}
device: cpu
"""


def command(config: Path, out: Path, resume: bool) -> list[str]:
    words = [sys.executable, "-m", "stillhouse", "distill", "run", str(config), "--out", str(out), "--quiet"]
    return words + (["--resume"] if resume else [])


def digests(run: Path) -> dict[str, str]:
    """Every file that must not depend on when a run was killed."""
    files = [
        *run.glob("student/*.safetensors"),
        *sorted(run.glob("checkpoints/step-*/tensors.safetensors"))[-1:],
        *run.glob("rollouts/*.jsonl"),
        *run.glob("start/*.safetensors"),
    ]
    return {str(f.relative_to(run)): digest_file(f) for f in sorted(files)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True)
    config = out / "config.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    started = time.monotonic()
    subprocess.run(command(config, out / "whole", resume=False), check=True, stdout=subprocess.DEVNULL)
    whole = time.monotonic() - started
    print(f"uninterrupted: {whole:.1f} s", flush=True)
    rng = random.Random(arguments.seed)
    kills = 0
    while True:
        process = subprocess.Popen(
            command(config, out / "killed", resume=(out / "killed").exists()), stdout=subprocess.DEVNULL
        )
        # A start alone takes a third of a whole run; the moments are drawn over what comes after it too.
        moment = rng.uniform(0.2, 0.9) * whole
        try:
            code = process.wait(moment if kills < arguments.kills else None)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            lines = (
                len((out / "killed" / "metrics.jsonl").read_text().splitlines())
                if (out / "killed" / "metrics.jsonl").exists()
                else 0
            )
            print(f"kill {kills} after {moment:.1f} s, {lines} steps on record", flush=True)
            continue
        if code != 0:
            print(f"the resumed run failed with exit {code}")
            return 1
        if kills >= arguments.kills:
            break
        # The run ended before its moment came: start another one, so that the count is of real kills.
        print(f"ended before kill {kills + 1}; comparing, then once more from the beginning", flush=True)
        if not same(out):
            return 1
        (out / "killed").rename(out / f"killed-{kills}")
    return 0 if same(out) else 1


def same(out: Path) -> bool:
    """Compare and say so."""
    left, right = digests(out / "whole"), digests(out / "killed")
    differ = sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))
    print(
        f"{len(left)} files compared, {len(differ)} differ" + (f": {', '.join(differ)}" if differ else ""), flush=True
    )
    return not differ


if __name__ == "__main__":
    sys.exit(main())
