"""Tables as CSV for spreadsheets, written while they are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from flask import Response, stream_with_context
from sqlalchemy.orm import Session

from webapp.exchange.write import csv_lines
from webapp.extensions import db


def csv_answer(filename: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A download with a line for each row; UTF-8 with the mark that spreadsheets look for.

    The rows are read while the answer is on its way, with the request's session. An error among
    them breaks the answer off, so that the browser says that the download failed.
    """
    lines = _lines(csv_lines(head, rows), db.session())
    answer = Response(stream_with_context(lines), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer


def _lines(lines: Iterator[str], session: Session) -> Iterator[str]:
    """The lines, after which the session gives its connection back: the end of the request, which
    does that for others, came before the first of them was read."""
    try:
        yield from lines
    finally:
        session.close()
