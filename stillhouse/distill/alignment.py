"""One answer under two tokenizers: which tokens of the one spell the same as which tokens of the other.

The reader of an answer gets it as its own tokenizer would cut it, since a model knows its text in no other form. A
*span* is a stretch between two neighbouring places where both tokenizers cut: several tokens of the writer, several
of the reader, the same bytes. Spans are as short as they can be, and most hold one token of each side.

What has no bytes is aligned by its role: the token with which the writer ends its turn stands for the one with which
the reader ends its own, whatever they are called; another special token for the reader's of the same name.

Nothing is forced to fit. Text that the reader's tokenizer changes (composes accents, say) is compared where its
beginning and its end agree; a special token that the reader lacks is left out of what it reads. Such tokens
belong to no span, and `share` says how many are left.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from stillhouse.distill.token_bytes import TokenBytes

__all__ = ["Aligner", "Alignment"]

_STRAY_BYTES = re.compile("([\udc80-\udcff]+)")


@dataclass(frozen=True, slots=True)
class Alignment:
    """`tokens` are the answer as its reader cuts it; the end of its turn alone where it can read nothing.

    `writer_span[i]` is the span of the writer's token i and `reader_span[j]` that of `tokens[j]`, both counted from 0
    and never falling; -1 where a token is in none. `span_bytes` are the bytes of each span; a special token counts as
    one.
    """

    tokens: list[int] = field(default_factory=list)
    writer_span: list[int] = field(default_factory=list)
    reader_span: list[int] = field(default_factory=list)
    span_bytes: list[int] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The share of the writer's tokens that lie in a span; 1 for an answer without tokens."""
        covered = sum(span >= 0 for span in self.writer_span)
        return covered / len(self.writer_span) if self.writer_span else 1.0


@dataclass(frozen=True, slots=True)
class Aligner:
    """Aligns answers of `writer` for `reader`: one of `writer_ends` ends the one's turns, `reader_end` the other's."""

    writer: TokenBytes
    reader: TokenBytes
    writer_ends: frozenset[int]
    reader_end: int

    def align(self, answers: Sequence[Sequence[int]]) -> list[Alignment]:
        """The alignment of each answer's tokens. The reader's tokenizer is called once for all of them."""
        parts = [list(self._parts(tokens)) for tokens in answers]
        texts = [
            text
            for part in parts
            for run in part
            if not isinstance(run, int)
            for text in _pieces(self.writer.text(run))
            if not _STRAY_BYTES.fullmatch(text)
        ]
        # Whatever a student spells out ("<|im_end|>" in plain letters), it must not become a special token here.
        options = {"add_special_tokens": False, "split_special_tokens": True, "verbose": False}
        cut = iter(self.reader.tokenizer(texts, **options)["input_ids"] if texts else [])
        return [self._alignment(part, cut) for part in parts]

    def _parts(self, tokens: Sequence[int]) -> Iterator[list[int] | int]:
        """Runs of ordinary tokens, and special tokens one by one."""
        spelling, run = self.writer.spelling, list[int]()
        for token in tokens:
            if spelling[token] is not None and token not in self.writer_ends:
                run.append(token)
                continue
            if run:
                yield run
                run = []
            yield token
        if run:
            yield run

    def _alignment(self, parts: list[list[int] | int], cut: Iterator[list[int]]) -> Alignment:
        found = Alignment()
        for part in parts:
            if isinstance(part, int):
                self._add_special(found, part)
            else:
                self._add_run(found, part, cut)
        if not found.tokens:
            found.tokens.append(self.reader_end)
            found.reader_span.append(-1)
        return found

    def _add_special(self, found: Alignment, token: int) -> None:
        known = self.reader_end if token in self.writer_ends else self._same_name(token)
        span = -1 if known is None else len(found.span_bytes)
        found.writer_span.append(span)
        if known is not None:
            found.tokens.append(known)
            found.reader_span.append(span)
            found.span_bytes.append(1)

    def _same_name(self, token: int) -> int | None:
        return self.reader.special.get(str(self.writer.tokenizer.convert_ids_to_tokens(token)))

    def _add_run(self, found: Alignment, run: list[int], cut: Iterator[list[int]]) -> None:
        text, read = self.writer.text(run), b""
        tokens, lengths = list[int](), list[int]()
        for piece in _pieces(text):
            if _STRAY_BYTES.fullmatch(piece):
                stray = piece.encode("utf-8", "surrogateescape")
                part = [self.reader.single[byte] for byte in stray if byte in self.reader.single]
            else:
                part = next(cut)
            tokens += part
            lengths += self.reader.lengths(part)
            read += self.reader.text(part)
        mine, theirs = list(accumulate(self.writer.lengths(run))), list(accumulate(lengths))
        first = len(found.span_bytes)
        spans = _spans(mine, theirs, text, read)
        found.tokens.extend(tokens)
        found.writer_span.extend(span if span < 0 else span + first for span in spans[0])
        found.reader_span.extend(span if span < 0 else span + first for span in spans[1])
        found.span_bytes.extend(spans[2])


def _pieces(text: bytes) -> list[str]:
    """`text` as pieces of proper characters, and between them pieces of bytes that are none, as lone surrogates."""
    decoded = text.decode("utf-8", "surrogateescape")
    return [piece for piece in _STRAY_BYTES.split(decoded) if piece]


def _spans(
    mine: list[int], theirs: list[int], my_text: bytes, their_text: bytes
) -> tuple[list[int], list[int], list[int]]:
    """The span of each of my tokens and of theirs, given where each ends, and the bytes of each span.

    Both sides are cut where both have a token's end, counted from the beginning as far as the texts agree, and from
    the end as far as they agree there. What then lies between two cuts is a span if it is the same text.
    """
    same = _common(my_text, their_text)
    same_at_end = _common(my_text[same:][::-1], their_text[same:][::-1])
    longer = len(their_text) - len(my_text)
    my_ends, their_ends = {0, *mine}, {0, *theirs}
    cuts = {(end, end) for end in my_ends & their_ends if end <= same}
    cuts |= {(e, e + longer) for e in my_ends if e >= len(my_text) - same_at_end and e + longer in their_ends}
    my_cuts, their_cuts = zip(*sorted(cuts), strict=True)
    number, sizes = [-1], list[int]()
    for (a, b), (c, d) in pairwise(sorted(cuts)):
        agrees = my_text[a:c] == their_text[b:d]
        number.append(len(sizes) if agrees else -1)
        if agrees:
            sizes.append(c - a)
    # A token at the very beginning that spells nothing belongs to what comes after it.
    first = min(1, len(number) - 1)
    return (
        [number[max(first, bisect_left(my_cuts, end))] for end in mine],
        [number[max(first, bisect_left(their_cuts, end))] for end in theirs],
        sizes,
    )


def _common(one: bytes, other: bytes) -> int:
    """Length of the longest common beginning."""
    if one == other:
        return len(one)
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
