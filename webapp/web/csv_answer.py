"""Tables as CSV for spreadsheets, written while they are read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask import Response, stream_with_context

from webapp.exchange.write import csv_lines


def csv_answer(filename: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A download with a line for each row; UTF-8 with the mark that spreadsheets look for.

    The rows are read while the answer is on its way, with the request's session. An error among
    them breaks the answer off, so that the browser says that the download failed.
    """
    answer = Response(stream_with_context(csv_lines(head, rows)), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer
