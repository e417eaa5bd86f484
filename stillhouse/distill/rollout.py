"""The student answers.

Decoding a handful of answers reads every weight once per token and uses a few per cent of the machine;
decoding many at once costs little more. So the number of answers decoded together (`batch`) has nothing to
do with the size of a training batch: prompts of a whole phase are sorted by length, decoded in large
batches with keys and values in place, and rows that have ended leave the batch.

On a CPU each batch is shared out among the threads, and each decodes its part by itself. The operations of a
decode are so small that threads which share them mostly wait for each other (see dev/LOG.md, 2026-11-23).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from stillhouse.distill.decoder import Decoder, decoder
from stillhouse.distill.kv_cache import InPlaceCache, shared_prefix
from stillhouse.distill.loss import Head
from stillhouse.distill.sampling import draw
from stillhouse.types import Sampling

__all__ = ["CHECK_REPETITION_EVERY", "Rollout", "generate", "repeats"]

CHECK_REPETITION_EVERY = 8
_COMPACT_BELOW = 0.75
_ROWS_PER_THREAD = 8


@dataclass(frozen=True, slots=True)
class Rollout:
    """One answer to one prompt, as token ids, with the writer's log-probability of each (nats).

    `source` says who wrote it: `student`, `teacher`, or `reference` (a given answer; no log-probabilities).
    `finish_reason`: `stop`, `length`, `repetition`.
    """

    prompt_id: str
    prompt_tokens: tuple[int, ...]
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish_reason: str
    source: str


def repeats(tokens_BT: Tensor, window: int) -> Tensor:
    """bool [B]: whether the last `window` tokens of each row are a cycle seen at least three times."""
    tail = tokens_BT[:, -window:]
    found = torch.zeros(len(tail), dtype=torch.bool, device=tail.device)
    for period in range(1, window // 3 + 1):
        found |= (tail[:, period:] == tail[:, :-period]).all(-1)
    return found


def generate(
    model: PreTrainedModel,
    head: Head,
    prompts: Sequence[tuple[str, Sequence[int]]],
    sampling: Sampling,
    *,
    eos: frozenset[int],
    uniforms: Tensor,
    batch: int,
    source: str,
    progress: Callable[[int], None] | None = None,
) -> list[Rollout]:
    """Answer each of `prompts` (id, tokens) once, in their order.

    `uniforms` [len(prompts), >= sampling.max_tokens] are the random numbers of each answer; `progress` is
    told how many tokens were written. The closing EOS is part of the answer, so that it is graded too.
    """
    if not prompts:
        return []
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i][1]))
    answers: dict[int, Rollout] = {}

    decodes = decoder(model, head, min(batch, len(prompts)))

    def decode(rows: list[int]) -> None:
        part = [prompts[i] for i in rows]
        answers.update(
            zip(rows, _decode(model, decodes, part, sampling, eos, uniforms[rows], source, progress), strict=True)
        )

    for start in range(0, len(order), batch):
        _share_out(order[start : start + batch], head.weight_VH.device, decode)
    return [answers[i] for i in range(len(prompts))]


def _share_out(rows: list[int], device: torch.device, decode: Callable[[list[int]], None]) -> None:
    """Decode `rows` in as many parts as there are threads, each on one thread."""
    threads = torch.get_num_threads()
    parts = min(threads, len(rows) // _ROWS_PER_THREAD)
    if device.type != "cpu" or parts < 2:
        decode(rows)
        return
    try:
        with ThreadPoolExecutor(parts, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(decode, [rows[part::parts] for part in range(parts)]))
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()
def _decode(
    model: PreTrainedModel,
    decodes: Decoder,
    prompts: Sequence[tuple[str, Sequence[int]]],
    sampling: Sampling,
    eos: frozenset[int],
    uniforms: Tensor,
    source: str,
    progress: Callable[[int], None] | None,
) -> list[Rollout]:
    device = model.device
    config = model.config.get_text_config()
    lengths = [len(tokens) for _, tokens in prompts]
    width, limit = max(lengths), sampling.max_tokens
    # Padding stands between the shared beginning and the rest, which would shift a sliding window.
    shared = 0 if getattr(config, "sliding_window", None) else shared_prefix([tokens for _, tokens in prompts])
    ids = torch.zeros(len(prompts), width, dtype=torch.long)
    mask = torch.zeros(len(prompts), width + limit, dtype=torch.bool)
    for row, (_, prompt) in enumerate(prompts):
        ids[row, :shared] = torch.tensor(prompt[:shared])
        ids[row, width - len(prompt) + shared :] = torch.tensor(prompt[shared:])
        mask[row, :shared] = mask[row, width - len(prompt) + shared :] = True
    padded = min(lengths) < width
    mask, uniforms = mask.to(device), uniforms.to(device)
    position = torch.tensor(lengths, device=device)
    cache = InPlaceCache(config.num_hidden_layers, width + limit)
    if shared:
        decodes.hidden(ids[:1, :shared].to(device), torch.arange(shared, device=device)[None], None, cache)
        cache.spread(len(prompts))
    ends = torch.tensor(sorted(eos), device=device)
    out = torch.zeros(len(prompts), limit, dtype=torch.long, device=device)
    logprobs = torch.zeros(len(prompts), limit, device=device)
    written = [0] * len(prompts)
    reasons = ["length"] * len(prompts)
    live = torch.arange(len(prompts), device=device)  # which prompt each row of the cache belongs to
    done = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    step_ids = ids[:, shared:].to(device)
    positions = (mask[:, :width].long().cumsum(-1) - 1).clamp_min(0)[:, shared:]
    for t in range(limit):
        hidden = decodes.hidden(step_ids, positions, mask[:, : width + t] if padded else None, cache)
        tokens, logp = draw(decodes.logits(hidden), uniforms[live, t], sampling.temperature, sampling.top_p)
        out[live, t], logprobs[live, t] = tokens, logp
        if progress is not None:
            progress(len(live) - int(done.sum()))
        ended = torch.isin(tokens, ends) & ~done
        _close(live, ended, t + 1, "stop", written, reasons)
        done |= ended
        window = sampling.repetition_stop
        if window and t + 1 >= window and (t + 1) % CHECK_REPETITION_EVERY == 0:
            looping = repeats(out[live, : t + 1], window) & ~done
            _close(live, looping, t + 1, "repetition", written, reasons)
            done |= looping
        alive = int((~done).sum())
        if alive == 0:
            break
        if alive <= _COMPACT_BELOW * len(live) and t + 1 < limit:
            kept = (~done).nonzero()[:, 0]
            cache.keep_rows(kept)
            live, tokens, mask, position, done = live[kept], tokens[kept], mask[kept], position[kept], done[kept]
        step_ids, positions = tokens[:, None], (position + t)[:, None]
    return [
        Rollout(
            prompt_id=identity,
            prompt_tokens=tuple(prompt),
            tokens=tuple(out[row, : written[row] or limit].tolist()),
            logprobs=tuple(logprobs[row, : written[row] or limit].tolist()),
            finish_reason=reasons[row],
            source=source,
        )
        for row, (identity, prompt) in enumerate(prompts)
    ]


def _close(live: Tensor, which: Tensor, length: int, why: str, written: list[int], reasons: list[str]) -> None:
    for row in live[which].tolist():
        written[row], reasons[row] = length, why
