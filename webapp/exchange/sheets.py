"""Reading tables from files: CSV and XLSX become rows of text, as a person sees them (SPEC U10).

A file is somebody else's: it is read within limits of its size, packed and unpacked, of its rows
and of its columns, and nothing in it is run, fetched or expanded.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from flask_babel import gettext as _

from webapp.errors import Invalid
from webapp.exchange.write import plain_cell

#: So many bytes a file may have, as it is and unpacked; and so many columns.
LARGEST, LARGEST_INSIDE, MOST_COLUMNS = 4_000_000, 40_000_000, 500
#: Parts of an XLSX file; but for the tables, each is small and has few elements.
MOST_PARTS, LARGEST_PART, MOST_ELEMENTS, MOST_SHEETS = 2_000, 1_000_000, 30_000, 500
#: For each row that is wanted a table may have so many cells (or texts of cells), blank ones too,
#: so many elements for each of these, and so many rows: the library keeps half a kilobyte of each
#: cell of a row, and something of each row and text.
CELLS_PER_ROW, ELEMENTS_PER_CELL, ROWS_PER_ROW = 50, 8, 4
_CELL, _ROW = (re.compile(rb"<(?:[\w.-]+:)?%s[\s/>]" % name) for name in (b"(?:c|si)", b"row"))
_OF_A_TABLE = re.compile(r"xl/(?:worksheets/[^/]+|sharedStrings)\.xml|xl/media/[^/]+")

_SEPARATORS = ",;\t"
_XLSX, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_DECLARED = re.compile(rb"encoding\s*=\s*[\"']\s*([^\"']*)")
_ZEROS = re.compile("0{2,30}")


@dataclass(frozen=True, slots=True)
class Table:
    """A table as text. `head` is its first row; `rows` are the others that are not blank, with
    their numbers as a spreadsheet counts them, each as long as the head."""

    head: list[str]
    rows: list[tuple[int, list[str]]]

    def named(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Each row by the names of its columns, but for those that have none."""
        for number, cells in self.rows:
            yield (
                number,
                {name: cell for name, cell in zip(self.head, cells, strict=True) if name},
            )


def read_file(raw: bytes, *, most_rows: int, largest: int = LARGEST) -> Table:
    """The table in a CSV file in UTF-8 or on the first sheet of an XLSX file. Raises `Invalid` for
    a file that is none, or is too large."""
    check_size(raw, largest)
    if raw.startswith(_XLSX):
        return _table(_xlsx_rows(raw, most_rows), most_rows)
    if raw.startswith(_OLD_EXCEL):
        raise Invalid(_("This is a file of an old Excel. Save it as “Excel workbook (.xlsx)”."))
    return read_csv(decoded(raw, largest), most_rows=most_rows, largest=largest)


def read_csv(text: str, *, most_rows: int, largest: int = LARGEST) -> Table:
    """The table in the text of a CSV file. Whatever separates its head separates all of it: commas,
    semicolons or tabs. Raises `Invalid`."""
    if len(text) > largest:
        raise Invalid(_("The file is too large: at most %(size)s MB are read.", size=_mb(largest)))
    text = text.removeprefix("\ufeff")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=_separator(text))
    try:
        return _table(reader, most_rows)
    except csv.Error as error:
        raise Invalid(
            _("The file cannot be read as CSV (line %(line)s).", line=reader.line_num)
        ) from error


def decoded(raw: bytes, largest: int = LARGEST) -> str:
    """The text of a file. Raises `Invalid` for one that is empty, too large, or not in UTF-8."""
    check_size(raw, largest)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(
            _("The file is not in UTF-8. Save it as “CSV UTF-8” in the spreadsheet.")
        ) from error


def check_size(raw: bytes, largest: int = LARGEST) -> None:
    """Raise `Invalid` for a file that is empty or too large."""
    if not raw:
        raise Invalid(_("Choose a file that is not empty."))
    if len(raw) > largest:
        raise Invalid(_("The file is larger than %(size)s MB.", size=_mb(largest)))


def _table(rows: Iterable[Sequence[str]], most_rows: int) -> Table:
    head: list[str] | None = None
    found: list[tuple[int, list[str]]] = []
    for number, cells in enumerate(rows, 1):
        if head is None:
            head = _head(cells)
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if len(found) == most_rows:
            raise _too_many_rows(most_rows)
        if any(cell.strip() for cell in cells[len(head) :]):
            raise Invalid(
                _("Line %(line)s has more cells than the first line has names.", line=number)
            )
        padded = [*cells, *[""] * (len(head) - len(cells))]
        found.append((number, [_cell(cell) for cell in padded[: len(head)]]))
    return Table(head or [], found)


def _head(cells: Sequence[str]) -> list[str]:
    if len(cells) > MOST_COLUMNS:
        most = str(MOST_COLUMNS)
        raise Invalid(_("The file has too many columns: at most %(most)s are read.", most=most))
    names = [_cell(cell).strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def renamed(table: Table, rename: Callable[[str], str]) -> Table:
    """The same table, with other names of its columns. Raises `Invalid` where one stands twice
    then."""
    head = [rename(name) for name in table.head]
    twice = next((name for name in head if name and head.count(name) > 1), "")
    if twice:
        raise Invalid(_("The column “%(name)s” stands twice.", name=twice[:100]))
    return Table(head, table.rows)


def _cell(text: str) -> str:
    return plain_cell(text).replace("\r\n", "\n").replace("\r", "\n")


def _separator(text: str) -> str:
    """What separates most in the first line, outside of quotes; commas where nothing does."""
    quoted, counts = False, dict.fromkeys(_SEPARATORS, 0)
    for char in text:
        if char == '"':
            quoted = not quoted
        elif char in "\r\n" and not quoted:
            break
        elif char in counts and not quoted:
            counts[char] += 1
    return max(counts, key=lambda one: counts[one])


def _xlsx_rows(raw: bytes, most_rows: int) -> Iterator[list[str]]:
    # Here and not above: it takes a tenth of a second of each process that starts.
    import openpyxl

    _check_parts(raw, most_rows)
    # What a file can break in the library is not to be foreseen, and all of it means the same.
    try:
        book = openpyxl.load_workbook(
            io.BytesIO(raw), read_only=True, data_only=True, keep_links=False
        )
        sheet = book.worksheets[0]
        # A sheet may have blank rows, as many as others; but one that says of its second row that
        # it is the millionth is not waited for.
        last = 2 * most_rows + 1
        rows = sheet.iter_rows(max_row=last + 1, max_col=MOST_COLUMNS + 1)
        for number, row in enumerate(rows, 1):
            if number > last:
                raise _too_many_rows(most_rows)
            cells = [_shown(cell) for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            yield cells
    except Invalid:
        raise
    except Exception as error:
        raise Invalid(_("The file cannot be read as XLSX. Save it again, or as CSV.")) from error


def _check_parts(raw: bytes, most_rows: int) -> None:
    """Raise `Invalid` for an archive that unpacks to too much, or with XML that declares a type or
    another encoding: no spreadsheet writes such. A quarter of a second for the largest."""
    too_large = Invalid(
        _("The file unpacks to more than %(size)s MB. Save it as CSV.", size=_mb(LARGEST_INSIDE))
    )
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > LARGEST_INSIDE:
                raise too_large
            for part in parts:
                of_a_table = _OF_A_TABLE.fullmatch(part.filename)
                if part.file_size > LARGEST_PART and not of_a_table:
                    raise too_large
                if not part.filename.endswith((".xml", ".rels")):
                    continue
                # No more is unpacked than the size that the archive says.
                xml = archive.read(part)
                _check_xml(xml)
                if of_a_table:
                    _check_cells(xml, most_rows)
                elif xml.count(b"<") > MOST_ELEMENTS or xml.count(b"sheetId") > MOST_SHEETS:
                    raise ValueError("no spreadsheet needs so much of it")
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise Invalid(_("The file cannot be read as XLSX. Save it again, or as CSV.")) from error


def _check_xml(xml: bytes) -> None:
    declared = _DECLARED.search(xml[:200].partition(b"?>")[0])
    encoding = declared[1].strip().lower() if declared else b"utf-8"
    if encoding not in {b"utf-8", b"us-ascii"} or b"\0" in xml[:4] or b"<!DOCTYPE" in xml:
        raise ValueError("no XML of a spreadsheet")


def _check_cells(xml: bytes, most_rows: int) -> None:
    most = CELLS_PER_ROW * (most_rows + 1) + MOST_COLUMNS
    if sum(1 for _found in _ROW.finditer(xml)) > ROWS_PER_ROW * most_rows + 1:
        raise _too_many_rows(most_rows)
    cells = sum(1 for _found in _CELL.finditer(xml))
    if cells > most or xml.count(b"<") > ELEMENTS_PER_CELL * most:
        raise Invalid(_("The file has too many cells, blank ones among them. Save it as CSV."))


def _shown(cell: Any) -> str:
    """A cell as text: as the spreadsheet shows it, but dates always as 2026-01-31."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date | time | timedelta):
        return value.isoformat() if not isinstance(value, timedelta) else str(value)
    if isinstance(value, float):
        # Fifteen digits are what a spreadsheet has, and 0.1 + 0.2 is 0.3 there.
        value = int(value) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"
    if isinstance(value, int) and _ZEROS.fullmatch(cell.number_format or ""):
        return str(value).zfill(len(cell.number_format))
    return str(value)


def _too_many_rows(most: int) -> Invalid:
    return Invalid(_("The file has too many rows: at most %(most)s are read.", most=f"{most:,}"))


def _mb(size: int) -> str:
    return str(size // 1_000_000)
