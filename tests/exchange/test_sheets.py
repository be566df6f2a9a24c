"""Files that people bring become rows of text, and no file does harm (SPEC U10, X5)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

import openpyxl
import pytest

from webapp.errors import Invalid
from webapp.exchange import sheets
from webapp.exchange.sheets import read_csv, read_file, renamed


def xlsx(*rows: list[Any], formats: Mapping[str, str] | None = None) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for place, number_format in (formats or {}).items():
        book.active[place].number_format = number_format
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def with_part(raw: bytes, name: str, content: bytes) -> bytes:
    """The same archive with another content of a part."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(made, "w", 8) as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        new.writestr(name, content)
    return made.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def sheet_of(rows: bytes, before: bytes = b"") -> bytes:
    """An XLSX file with these rows in its sheet, written by hand."""
    ours = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    content = b'%s<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>'
    return with_part(xlsx(["name"]), SHEET, content % (before, ours, rows))


@pytest.mark.parametrize(
    "text",
    [
        'Name,Note\nana,"a, b\nc"\n\n\'=x,5\n',
        '\ufeffname;NOTE\r\nana;"a, b\r\nc"\r\n;\r\n\'=x;5\r\n',
        ' name \tnote\t\nana\t"a, b\nc"\t\n\n\'=x\t5\t\t\n',
    ],
)
def test_commas_semicolons_and_tabs_are_read(text: str):
    table = read_csv(text, most_rows=2)
    assert [name.lower() for name in table.head] == ["name", "note"]
    table = renamed(table, str.lower)
    assert table.rows == [(2, ["ana", "a, b\nc"]), (4, ["=x", "5"])]
    assert next(table.named()) == (2, {"name": "ana", "note": "a, b\nc"})
    assert renamed(read_file(text.encode(), most_rows=2), str.lower) == table


def test_cells_are_what_a_person_sees():
    cells = [
        *(7, 7.0, 0.1 + 0.2, 1e20, True, None, "007", 7),
        date(2026, 1, 3),
        datetime(2026, 1, 3, 8, 5),  # noqa: DTZ001  # no spreadsheet knows zones
        time(8, 5),
        "=1+1",
    ]
    head = [f"c{number}" for number in range(len(cells))]
    table = read_file(xlsx(head, cells, [], ["last"], formats={"H2": "0000"}), most_rows=5)
    assert table.rows[0] == (
        2,
        [
            *("7", "7", "0.3", "1e+20", "TRUE", "", "007", "0007"),
            *("2026-01-03", "2026-01-03 08:05:00", "08:05:00", ""),
        ],
    )
    assert [number for number, _cells in table.rows] == [2, 4]


MANY_CELLS = b'<row r="1">' + b'<x:c r="A1"/>' * 701 + b"</row>"
TOO_MANY_ROWS = b"".join(b'<row r="%d"><c t="str"><v>x</v></c></row>' % n for n in range(1, 6))
FAR_AWAY = b'<row r="1"/><row r="999999999999"/>'


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "not empty"),
        (b"x" * 4_000_001, "larger than 4 MB"),
        ("é".encode("utf-16"), "not in UTF-8"),
        (b"\xd0\xcf\x11\xe0old", "old Excel"),
        (b"PK\x03\x04 no archive", "cannot be read as XLSX"),
        (b'name\n"x', r"cannot be read as CSV \(line 2\)"),
        (b"name\na\nb\nc\nd", "too many rows: at most 3"),
        (b"name\na,b\n", "Line 2 has more cells"),
        (b"," * 501, "too many columns"),
        (sheet_of(TOO_MANY_ROWS), "too many rows: at most 3"),
        (sheet_of(FAR_AWAY), "too many rows"),
        (sheet_of(b'<row r="1"><c r="SG1" t="str"><v>x</v></c></row>'), "too many columns"),
        (sheet_of(b'<row r="1"><c r="A1"><v>%s</v></c></row>' % (b"9" * 5000)), "cannot be read"),
        (sheet_of(MANY_CELLS), "too many cells"),
        (sheet_of(b"<row/>" * 14), "too many rows: at most 3"),
        (with_part(xlsx(["a"]), "xl/sharedStrings.xml", b"<si/>" * 701), "too many cells"),
        (with_part(xlsx(["a"]), "xl/sharedStrings.xml", b"<r/>" * 5_601), "too many cells"),
        (with_part(xlsx(["a"]), "xl/styles.xml", b"<xf/>" * 30_001), "cannot be read as XLSX"),
        (with_part(xlsx(["a"]), "xl/workbook.xml", b' sheetId=""' * 501), "cannot be read"),
        (sheet_of(b"<row"), "cannot be read as XLSX"),
        (sheet_of(b"", b'<!DOCTYPE x [<!ENTITY a "b">]>'), "cannot be read as XLSX"),
        (sheet_of(b"", b'<?xml version="1.0" encoding="cp037"?>'), "cannot be read as XLSX"),
        (with_part(xlsx(["a"]), SHEET, b" " * 40_000_001), "unpacks to more than 40 MB"),
        (with_part(xlsx(["a"]), "xl/styles.xml", b" " * 1_000_001), "unpacks to more than"),
        (with_part(xlsx(["a"]), "xl/workbook.xml", b"<workbook/>"), "cannot be read as XLSX"),
    ],
)
def test_what_is_no_table_is_refused(raw: bytes, sentence: str):
    with pytest.raises(Invalid, match=sentence):
        read_file(raw, most_rows=3)


def test_a_column_that_stands_twice_is_refused():
    table = read_csv("Name,name,,", most_rows=1)
    assert table.head == ["Name", "name"]
    with pytest.raises(Invalid, match="“name” stands twice"):
        renamed(table, str.lower)


def test_an_archive_that_lies_about_its_size_is_not_unpacked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sheets, "LARGEST_INSIDE", 100_000)
    raw = with_part(xlsx(["a"]), SHEET, b" " * 9_000_000)
    size = (9_000_000).to_bytes(4, "little")
    assert raw.count(size) == 2
    with pytest.raises(Invalid, match="cannot be read as XLSX"):
        read_file(raw.replace(size, (9).to_bytes(4, "little")), most_rows=3)
