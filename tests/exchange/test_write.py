"""Tables as CSV and XLSX: what is read back is what was written, and nothing of it is run."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from webapp.exchange import write
from webapp.exchange.write import Cell, Format, Row, plain_cell, safe_cell, write_table

HEAD = ("Form", "Cases", "Received (EAT)")
MORNING = datetime(2026, 1, 3, 8, 0, 1)  # noqa: DTZ001  as people read it, without a zone


def written(kind: Format, rows: list[Row], *, title: str = "Forms") -> bytes:
    file = io.BytesIO()
    assert write_table(file, kind, HEAD, iter(rows), title=title) == len(rows)
    return file.getvalue()


def of_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def of_xlsx(content: bytes) -> dict[str, list[tuple[Cell, ...]]]:
    book = load_workbook(io.BytesIO(content))
    return {sheet.title: list(sheet.values) for sheet in book.worksheets}


def test_both_kinds_say_the_same():
    rows: list[Row] = [("Visite à domicile, “dix”", 3, MORNING), ("007", 0, None), ("", None, "x")]
    assert of_csv(written(Format.CSV, rows)) == [
        list(HEAD),
        ["Visite à domicile, “dix”", "3", "2026-01-03 08:00:01"],
        ["007", "0", ""],
        ["", "", "x"],
    ]
    assert of_xlsx(written(Format.XLSX, rows)) == {
        "Forms": [
            HEAD,
            ("Visite à domicile, “dix”", 3, MORNING),
            ("007", 0, None),
            (None, None, "x"),
        ]
    }


def test_a_table_without_rows_is_its_head():
    assert of_csv(written(Format.CSV, [])) == [list(HEAD)]
    assert of_xlsx(written(Format.XLSX, [])) == {"Forms": [HEAD]}


RUN_BY_SPREADSHEETS = (
    '=HYPERLINK("http://evil.example","x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    " =1",
    "\t=1",
    "＝1+1",
    "\0=1",
)


@pytest.mark.parametrize("text", [*RUN_BY_SPREADSHEETS, "#REF!", "#N/A"])
def test_nothing_is_run_or_taken_for_an_error(text: str):
    content = written(Format.XLSX, [(text, 1, None)])
    [cell] = [row[0] for row in load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(2)]
    assert (cell.data_type, cell.value) == ("s", text.replace("\0", "�"))
    assert cell.quotePrefix or cell.value.startswith("�"), "nor when somebody edits it"
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml")
    if text in RUN_BY_SPREADSHEETS:
        content = written(Format.CSV, [(text, 1, f"a{text}"), ("x", 1, f"x;{text}")])
        assert of_csv(content)[1][0].startswith("'")
        # However a spreadsheet splits it, no cell begins with a formula.
        for cell in re.split(r'[,;\t\r\n]"?', content.decode("utf-8-sig")):
            assert not cell.strip(" \0").startswith(tuple("=+-@＝＋－＠")), cell


@given(st.text(st.sampled_from("'=-a5.;,\t\r\n \"\0")))
def test_what_guards_a_cell_is_taken_away_again(text: str):
    assert plain_cell(safe_cell(text)) == text


def test_apostrophes_that_guard_nothing_stay():
    for text in ("'tis", "'-5", "a;'b", "'=1;=1"):
        assert plain_cell(text) == text


@pytest.mark.parametrize("text", ["-5", "+254700000001", "-11.5", "2026-01-01", "a=b"])
def test_what_is_no_formula_stays_as_it_is(text: str):
    assert safe_cell(text) == text
    assert of_xlsx(written(Format.XLSX, [(text, 1, None)]))["Forms"][1][0] == text


def test_characters_that_xlsx_forbids_are_replaced_and_long_texts_cut():
    bell, lone, long = "a\x07b", "a\ud800b", "x" * 40_000
    [_, *rows] = of_xlsx(written(Format.XLSX, [(bell, 1, lone), (long, 1, "two\nlines")]))["Forms"]
    assert rows[0] == ("a�b", 1, "a�b")
    assert rows[1] == ("x" * 32_766 + "…", 1, "two\nlines")
    assert of_csv(written(Format.CSV, [(bell, 1, lone)]))[1] == [bell, "1", "a?b"]


def test_a_sheet_that_is_full_goes_on_in_another(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(write, "SHEET_LINES", 3)
    rows: list[Row] = [(str(number), number, None) for number in range(5)]
    title = "Forms of a rule: [long] name/path"
    sheets = of_xlsx(written(Format.XLSX, rows, title=title))
    assert [len(lines) for lines in sheets.values()] == [3, 3, 2]
    assert [lines[0] for lines in sheets.values()] == [HEAD] * 3
    assert [line[1] for lines in sheets.values() for line in lines[1:]] == [0, 1, 2, 3, 4]
    assert list(sheets) == [
        "Forms of a rule_ _long_ name_pa",
        "Forms of a rule_ _long_ name_ 2",
        "Forms of a rule_ _long_ name_ 3",
    ]
    full = of_xlsx(written(Format.XLSX, rows[:4]))
    assert [len(lines) for lines in full.values()] == [3, 3], "no sheet that is empty"


def test_days_that_spreadsheets_do_not_know_are_text():
    old = datetime(1850, 2, 3, 4, 5, 6)  # noqa: DTZ001
    assert of_xlsx(written(Format.XLSX, [("x", 1, old)]))["Forms"][1][2] == "1850-02-03 04:05:06"


def test_rows_that_fail_leave_no_file_behind(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(folder))

    def failing() -> Iterator[Row]:
        yield ("x", 1, None)
        raise LookupError

    for kind in Format:
        with pytest.raises(LookupError):
            write_table(io.BytesIO(), kind, HEAD, failing(), title="Forms")
    assert not list(folder.iterdir())


def test_memory_does_not_grow_with_the_table():
    """In a process of its own, whose memory nobody else has used."""
    script = """
import resource, sys, tempfile
from webapp.exchange.write import Format, write_table
def used(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def rows(n): return (("=x" * 50, i, "y" * 100) for i in range(n))
for kind in Format:
    with tempfile.TemporaryFile() as file:
        write_table(file, kind, "abc", rows(200), title="t")
        before = used()
        write_table(file, kind, "abc", rows(10_000), title="t")
        print(used() - before)
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert all(int(line) < 2_000 for line in done.stdout.split()), "kB; the texts alone are 2,000"
