"""Tables as CSV for spreadsheets: written while they are read, and safe to open."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from flask import Response, stream_with_context

#: What a spreadsheet takes for the beginning of a formula, also in its wide forms, and what some
#: skip before they look.
_FORMULA = re.compile(r"[\s\0]*[=+\-@＝＋－＠]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")


def safe_cell(value: object) -> str:
    """A value as text that no spreadsheet runs: what looks like a formula, and is no number, gets
    an apostrophe before it."""
    text = "" if value is None else str(value)
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def csv_answer(filename: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A download with a line for each row; UTF-8 with the mark that spreadsheets look for.

    The rows are read while the answer is on its way, with the request's session. An error among
    them breaks the answer off, so that the browser says that the download failed.
    """
    answer = Response(stream_with_context(_lines(head, rows)), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer


def _lines(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    held = io.StringIO()
    writer = csv.writer(held)
    held.write("\ufeff")
    writer.writerow(head)
    for row in rows:
        writer.writerow([safe_cell(value) for value in row])
        if held.tell() > 32_000:
            yield held.getvalue()
            held.seek(0)
            held.truncate()
    yield held.getvalue()
