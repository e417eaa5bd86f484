"""A 1.5B teacher grades a student made of three of its own layers, for two steps.

It shows that the same two commands serve a model that is not bundled: another family, a quantized GGUF
file, a vocabulary with more rows than real tokens. Two steps teach nothing worth quoting.

    python recipes/qwen_teacher/run.py qwen2.5-coder-1.5b-instruct-q4_k_m.gguf --out runs/qwen_teacher
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("teacher", type=Path, help="the GGUF file of Qwen2.5-Coder-1.5B-Instruct")
    parser.add_argument("--layers", type=int, default=3, help="decoder layers of the student (default 3)")
    parser.add_argument("--out", type=Path, default=Path("runs/qwen_teacher"), help="new folder for student and run")
    given = parser.parse_args()
    student, run = given.out / "start", given.out / "run"
    stillhouse(
        "student", "--from", given.teacher, "--layers", given.layers, "--method", "block_influence", "--out", student
    )
    stillhouse("run", HERE / "config.yaml", f"teacher.model={given.teacher}", f"student.model={student}", "--out", run)
    cut = json.loads((student / "pruning.json").read_text(encoding="utf-8"))
    print(f"layers kept: {cut['kept']} of {cut['source_layers']}")
    for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        print(line)
    evaluation = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    for when in ("before", "after"):
        for name in ("kl_to_teacher", "on_policy_kl", "top1_agreement"):
            metric = evaluation[when][name]
            print(f"{when:6} {name:15} {metric['value']:.4f}  [{metric['low']:.4f}, {metric['high']:.4f}]")


def stillhouse(*arguments: object) -> None:
    command = [sys.executable, "-m", "stillhouse", "distill", *map(str, arguments)]
    print("$ stillhouse distill", *arguments, flush=True)
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
