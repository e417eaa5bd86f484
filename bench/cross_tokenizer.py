"""How well two tokenizers fit, and what a teacher of another one costs a training step.

The fit is that of the packaged prompts, taken as answers: how many tokens each makes of them, how many spans both cut
out of them, how many entries they share. The bundled tokenizer is the student's; the teacher's, byte-level as well, is
trained here on these prompts, so that its cuts are its own, or is that of `--teacher`.

The cost is that of rendering the teacher's tokens, aligning them and packing the spans. Both models have the bundled
model's shape, fewer layers in the student, and random weights: no time depends on them. Answers are packaged texts of
`--tokens` tokens. The step is the teacher's reading, the student's forward and backward pass and the loss, without
rollouts and optimiser, so that the share comes out larger than it is in a run.
"""

import argparse
import os
from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from bench.results import Row
from stillhouse.distill.alignment import Aligner
from stillhouse.distill.batching import micro_batches
from stillhouse.distill.grader_settings import CrossTokenizerSettings
from stillhouse.distill.graders.cross_grader import CrossReading, cross_rule
from stillhouse.distill.hardware import choose_dtype
from stillhouse.distill.loss import LossInputs, graded_loss
from stillhouse.distill.network import Network
from stillhouse.distill.prompts import load_prompts
from stillhouse.distill.reading import read_by
from stillhouse.distill.rollout import Rollout
from stillhouse.distill.sections import PromptSource
from stillhouse.distill.step import Stopwatch
from stillhouse.distill.token_bytes import shared_tokens, token_bytes
from stillhouse.models.bundled import BUNDLED
from stillhouse.models.local import load_tokenizer

__all__ = ["main"]

_CHUNK = 512


def main(argv: Sequence[str]) -> list[Row]:
    """Rows: a part (ours) beside its whole (peer), whose ratio is its share: counts, and milliseconds of a step."""
    parser = argparse.ArgumentParser(prog="scripts/bench cross_tokenizer")
    parser.add_argument("--teacher", help="whose tokenizer: a GGUF file, a folder, or a hub name; else one made here")
    parser.add_argument("--layers", type=int, default=14, help="of the student")
    parser.add_argument("--teacher-layers", type=int, default=30)
    parser.add_argument("--batch", type=int, default=8, help="answers of a step")
    parser.add_argument("--tokens", type=int, default=64, help="the student's tokens of an answer")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    dtype: torch.dtype = getattr(torch, choose_dtype("cpu"))
    texts = [p.messages[-1].content for p in load_prompts(PromptSource(name="instructions"))]
    mine = load_tokenizer("bundled")
    theirs = _other_tokenizer(texts) if options.teacher is None else load_tokenizer(options.teacher)
    writer, reader = token_bytes(mine, "bundled"), token_bytes(theirs, "other")
    aligner = Aligner(writer, reader, frozenset([int(mine.eos_token_id)]), int(theirs.eos_token_id))
    student, teacher = _network(len(mine), options.layers, dtype), _network(len(theirs), options.teacher_layers, dtype)
    rollouts = _rollouts(mine, texts, options.batch, options.tokens)
    prompts = {r.prompt_id: theirs(texts[0], add_special_tokens=False)["input_ids"] for r in rollouts}
    runs = []
    for _ in range(options.runs + 1):
        watch = Stopwatch(torch.device("cpu"))
        _step(student, teacher, aligner, rollouts, prompts, watch)
        runs.append(watch.seconds)
    runs = runs[1:]  # the first also pays for what only the first time does
    print(f"seconds by part: { {part: round(sum(run[part] for run in runs) / len(runs), 4) for part in runs[0]} }")
    whole = [1e3 * sum(run.values()) for run in runs]
    read, added = [1e3 * run["reading"] for run in runs], [1e3 * (run["reading"] + run["spans"]) for run in runs]
    of = f"of a step of {options.batch} answers of {options.tokens} tokens"
    return [
        *_fit(aligner, texts),
        Row.of(f"tokenizing and alignment, {of}", read, whole, "ms"),
        Row.of(f"the same and packing of spans, {of}", added, whole, "ms"),
    ]


def _step(
    student: Network,
    teacher: Network,
    aligner: Aligner,
    rollouts: list[Rollout],
    prompts: dict[str, list[int]],
    watch: Stopwatch,
) -> None:
    """One step's work but for the optimiser, timed part by part."""
    (micro,) = micro_batches(rollouts, len(rollouts))
    watch.start()
    reading = read_by(aligner, rollouts, prompts)
    watch.lap("reading")
    batch, spans = reading.of(micro.row_N)
    watch.lap("spans")
    with torch.no_grad():
        theirs = teacher.hidden(batch)
    watch.lap("teacher")
    hidden = student.hidden(micro)
    watch.lap("student")
    head, other = student.head, teacher.head
    read = CrossReading(spans, batch.token_N, theirs, other)
    table = torch.empty(0, dtype=torch.long)  # `sampled` looks at no shared tokens
    rule = cross_rule(CrossTokenizerSettings(), table, read, micro.token_N, hidden, head, 1.0, _CHUNK)
    weight_N = torch.full((len(micro.token_N),), 1 / len(micro.token_N))
    out = graded_loss(LossInputs(hidden, head, weight_N, chunk=_CHUNK), rule)
    watch.lap("loss")
    out.loss.backward()
    watch.lap("student")
    student.model.zero_grad()


def _fit(aligner: Aligner, texts: Sequence[str]) -> list[Row]:
    """How the two tokenizers cut `texts`, each with its end, and what their vocabularies share."""
    writer, reader = aligner.writer, aligner.reader
    tokens = writer.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    answers = [[*row, *aligner.writer_ends] for row in tokens]
    alignments = aligner.align(answers)
    written, read = sum(map(len, answers)), sum(len(found.tokens) for found in alignments)
    spans = sum(len(found.span_bytes) for found in alignments)
    single = sum(
        found.writer_span.count(span) == found.reader_span.count(span) == 1
        for found in alignments
        for span in range(len(found.span_bytes))
    )
    entries = sum(spelt is not None for spelt in writer.spelling) + len(writer.special)
    of = f"{len(texts)} packaged prompts"
    return [
        Row.of(f"the teacher's tokens of {of}, beside the student's", [read], [written], "tokens"),
        Row.of(f"spans of {of}, of the student's tokens", [spans], [written], "spans"),
        Row.of(f"spans of one token on each side, of the spans of {of}", [single], [spans], "spans"),
        Row.of(
            "the student's entries that the teacher shares", [len(shared_tokens(reader, writer))], [entries], "entries"
        ),
    ]


def _other_tokenizer(texts: Sequence[str], size: int = 16000) -> PreTrainedTokenizerBase:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=["</s>"], initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>")


def _network(vocabulary: int, layers: int, dtype: torch.dtype) -> Network:
    shape = {
        **BUNDLED.config,
        "vocab_size": vocabulary,
        "num_hidden_layers": layers,
        "eos_token_id": 0,
        "pad_token_id": 0,
    }
    model: Any = LlamaForCausalLM(LlamaConfig(**shape))
    return Network(model.to(dtype), vocabulary)


def _rollouts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], count: int, tokens: int) -> list[Rollout]:
    """`count` answers of just `tokens` tokens, cut out of all texts one after the other."""
    prompt = tokenizer(texts[0], add_special_tokens=False)["input_ids"]
    row = tokenizer("\n".join(texts), add_special_tokens=False, verbose=False)["input_ids"]
    parts = [tuple(row[i * tokens : (i + 1) * tokens]) for i in range(count)]
    return [Rollout(f"p{i}", tuple(prompt), part, (), "length", "student") for i, part in enumerate(parts)]
