"""A teacher of another family: Qwen2.5-Coder-1.5B grades what SmolLM2-135M writes, across two tokenizers.

    python -m recipes.cross_tokenizer.run qwen2.5-coder-1.5b-instruct-q4_k_m.gguf --out runs/cross_tokenizer

Further `a.b=value` arguments change the config, for instance `grader.compare=shared` or `steps=10`.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from recipes.result import Result, interval

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("teacher", type=Path, help="the GGUF file of Qwen2.5-Coder-1.5B-Instruct")
    parser.add_argument("overrides", nargs="*", help="a.b=value")
    parser.add_argument("--out", type=Path, default=Path("runs/cross_tokenizer"), help="new folder of the run")
    given = parser.parse_intermixed_args()
    command = [sys.executable, "-m", "stillhouse", "distill", "run", str(HERE / "config.yaml")]
    command += [f"teacher.model={given.teacher}", *given.overrides, "--out", str(given.out)]
    print("$", *command[2:], flush=True)
    subprocess.run(command, check=True)
    evaluation = json.loads((given.out / "evaluation.json").read_text(encoding="utf-8"))
    say = Result()
    for name, after in evaluation["after"].items():
        if after["value"] is not None:
            say(f"{name:34} {interval(evaluation['before'][name])} before, {interval(after)} after")
    say.write(given.out, {when: evaluation[when] for when in ("before", "after", "teacher")})


if __name__ == "__main__":
    main()
