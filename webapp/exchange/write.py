"""Tables as files for spreadsheets, CSV and XLSX: written row by row, and safe to open."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import IO, Any

#: What stands in a cell. An instant is without a zone: as people read it, whose head says where.
Cell = str | int | datetime | None
Row = Sequence[Cell]

#: What a spreadsheet takes for the beginning of a formula, also in its wide forms, and what some
#: skip before they look.
_SIGN = "[=+\\-@＝＋－＠]"
_FORMULA = re.compile(rf"[\s\0]*{_SIGN}|[\t\r\n]")
#: Where a formula may begin in a value of a CSV file: at its beginning; and inside, for where lists
#: are separated by semicolons or tabs, a spreadsheet begins a cell after each of them, and sees no
#: quotes. Apostrophes before it count as part of it, so that one more can be taken away again.
_BEGINS = re.compile(rf"\A(?='*[\t\r\n])|(\A|[;\t\r\n])(?=[\s\0']*{_SIGN})")
_GUARDED = re.compile(rf"\A'(?='*[\t\r\n])|(\A|[;\t\r\n])'(?=[\s\0']*{_SIGN})")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
#: What XML 1.0 cannot hold.
_NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

#: The first line of a sheet of an XLSX file is its head, so it holds one row less than this.
SHEET_LINES = 1_048_576
#: Columns of a sheet.
MOST_COLUMNS = 16_384
#: The longest text of a cell, and the longest name of a sheet, in characters.
_LONGEST, _LONGEST_TITLE = 32_767, 31
_NO_TITLE = re.compile(r"[\[\]:*?/\\\0-\x1f]|^'|'$")
#: The first year all of whose days a spreadsheet knows.
_FIRST_YEAR = 1901
#: With these begin what XLSX knows as formulas and errors.
_MARKS = ("=", "#")


class Format(StrEnum):
    """The kinds of files."""

    CSV = "csv"
    XLSX = "xlsx"

    @property
    def mimetype(self) -> str:
        """For the header `Content-Type`; what sends it adds the charset of text."""
        if self is Format.CSV:
            return "text/csv"
        return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def write_table(
    file: IO[bytes], kind: Format, head: Sequence[str], rows: Iterable[Row], *, title: str
) -> int:
    """Write a table into a file that can be searched, and say how many rows it has.

    `title` names the sheet of an XLSX file; what does not fit into one goes on in another one. The
    rows are read one by one, and no list of them is held.
    """
    if kind is Format.XLSX:
        return _write_xlsx(file, head, rows, title)
    counted = _Counted(rows)
    for lines in csv_lines(head, counted):
        file.write(lines.encode("utf-8", "replace"))
    return counted.number


def csv_lines(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A table as CSV, some rows at a time; with the mark that spreadsheets look for, once it is
    UTF-8."""
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


def safe_cell(value: object) -> str:
    """A value as text that no spreadsheet runs: what looks like a formula, and is no number, gets
    an apostrophe before it, also where it begins inside of the value."""
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    text = "" if value is None else str(value)
    return text if _NUMBER.fullmatch(text) else _BEGINS.sub(r"\1'", text)


def plain_cell(text: str) -> str:
    """The text of which `safe_cell` made this one; what it did not make stays as it is."""
    plain = _GUARDED.sub(r"\1", text)
    return plain if safe_cell(plain) == text else text


def _looks_like_formula(text: str) -> bool:
    return _FORMULA.match(text) is not None and not _NUMBER.fullmatch(text)


class _Counted:
    """Rows that are counted while they are read."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self.number = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.number += 1
            yield row


def _write_xlsx(file: IO[bytes], head: Sequence[str], rows: Iterable[Row], title: str) -> int:
    # Here and not above: it would make every process start a quarter of a second later.
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheets = _Sheets(book, head, _NO_TITLE.sub("_", title) or "_")
    try:
        sheets.begin()
        for row in rows:
            sheets.add(row)
    except BaseException:
        # Only when it is saved, a book takes its temporary files with it.
        book.save(io.BytesIO())
        raise
    book.save(file)
    return sheets.rows


class _Sheets:
    """The sheets of a book, begun one after the other as they fill up."""

    def __init__(self, book: Any, head: Sequence[str], title: str) -> None:
        self._book, self._head, self._title = book, head, title
        self.rows = 0

    def begin(self) -> None:
        """Go on in another sheet, which begins with the head and keeps it in sight."""
        end = f" {len(self._book.worksheets) + 1}" if self._book.worksheets else ""
        self._sheet = self._book.create_sheet(self._title[: _LONGEST_TITLE - len(end)] + end)
        self._sheet.freeze_panes = "A2"
        self._sheet.append([self._text(name) for name in self._head])

    def add(self, row: Row) -> None:
        """Write a row."""
        if self.rows and self.rows % (SHEET_LINES - 1) == 0:
            self.begin()
        self._sheet.append([self._cell(value) for value in row])
        self.rows += 1

    def _cell(self, value: Cell) -> object:
        if isinstance(value, datetime) and value.year < _FIRST_YEAR:
            return value.isoformat(" ", "seconds")
        if isinstance(value, str):
            return self._text(value) if value else None
        return value

    def _text(self, text: str) -> object:
        """A cell with this text as it stands, whatever it looks like."""
        text = _NOT_XML.sub("\ufffd", text)
        if len(text) > _LONGEST:
            text = text[: _LONGEST - 1] + "…"
        if text[:1] not in _MARKS and not _looks_like_formula(text):
            return text
        from openpyxl.cell import WriteOnlyCell

        cell = WriteOnlyCell(self._sheet, text)
        cell.data_type = "s"  # and no formula or error, as which it would be taken
        cell.quotePrefix = True  # nor when somebody edits it
        return cell
