"""CSV as databases export it: a header, quoted fields with newlines in them, prompts of any length in one field."""

import csv
import io
from collections.abc import Iterator

__all__ = ["csv_records"]

_LONGEST = 64 << 20


def csv_records(file: io.BufferedReader) -> Iterator[tuple[int, dict[str, str] | None, str | None]]:
    """(line where the record begins, column to text, why it is none or None).

    The separator is the one of comma, semicolon and tab that the header has most of. An empty field is "".
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    header_line = text.readline(_LONGEST)
    separator = max(",;\t", key=header_line.count)
    header = next(csv.reader([header_line], delimiter=separator), [])
    # The limit belongs to the process, not to the reader: it is put back when this reader is done.
    before = csv.field_size_limit(_LONGEST)
    try:
        reader = csv.reader(text, delimiter=separator)
        while True:
            number = reader.line_num + 2
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield number, None, f"no CSV record ({error})"
                continue
            if not fields:
                continue
            record = dict(zip(header, fields, strict=False))
            if len(fields) != len(header):
                yield number, record, f"has {len(fields)} fields; the header has {len(header)}"
            elif not _is_text(fields):
                yield number, record, "not UTF-8 text"
            else:
                yield number, record, None
    finally:
        csv.field_size_limit(before)
        text.detach()  # the file is the caller's to close


def _is_text(fields: list[str]) -> bool:
    try:
        for field in fields:
            field.encode()
    except UnicodeEncodeError:
        return False
    return True
