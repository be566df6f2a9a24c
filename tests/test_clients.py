"""`docs/clients/send_csv.py` against a real server: each case has what its row says."""

from __future__ import annotations

import contextvars
import csv
import importlib.util
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.servers import server_process
from webapp.cases.models import Case, CaseTransaction
from webapp.projects.models import Project
from webapp.submissions.models import State, Submission
from webapp.submissions.verify import verify

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "docs" / "clients" / "send_csv.py"
PASSWORD = "correct horse battery"

HEADER = ["id", "county", "age", "sex", "syndrome", "date.onset", "date.tested", "death"]
DIRTY = [
    "",
    " ",
    "  San Bernardino ",
    "Unknown",
    'the "old" town',
    "O'Brien, Kern",
    "<b>&amp;</b> ]]>",
    "Zürich / İstanbul / 北京 / 🦟",
    "two\nlines",
    "carriage\r\nreturn\rand\ttab",
    "2004-02-30",
    "=1+1",
    "e\u0301",
    "x" * 255,
]


@pytest.fixture(scope="module")
def address(app: Flask) -> Iterator[str]:
    """A server on loopback, in a process of its own, on the database of the tests."""
    with server_process(app) as address:
        yield address


@dataclass(frozen=True)
class Fatima:
    """A mobile worker who sends files."""

    url: str
    password_file: Path

    def send(self, file: Path, *options: str) -> subprocess.CompletedProcess[str]:
        command = [
            *(sys.executable, str(SCRIPT), str(file), "--url", self.url, "--user", "fatima"),
            *("--password-file", str(self.password_file), "--case-type", "wnv"),
        ]
        return subprocess.run(
            [*command, *options], capture_output=True, text=True, check=False, timeout=120
        )


@pytest.fixture
def fatima(app: Flask, address: str, project: Project, tmp_path: Path) -> Fatima:
    made = contextvars.Context().run(
        app.test_cli_runner().invoke,
        args=["worker", "create", "fatima", "--project", project.name, "--password", "-"],
        input=PASSWORD + "\n",
    )
    assert made.exit_code == 0, made.output
    password_file = tmp_path / "password"
    password_file.write_text(PASSWORD + "\n", encoding="utf-8")
    return Fatima(f"{address}/a/{project.name}", password_file)


def rows(count: int) -> list[list[str]]:
    """Rows of the shape of a county's list of cases, with every kind of dirt in every column."""
    return [
        [str(number), *(DIRTY[(number + column) % len(DIRTY)] for column in range(1, 8))]
        for number in range(1, count + 1)
    ]


def write(file: Path, header: list[str], some: list[list[str]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *some])
    return file


def cases(session: Session, project: Project) -> dict[str, Case]:
    session.rollback()
    found = session.scalars(select(Case).where(Case.project_id == project.id))
    return {case.properties["id"]: case for case in found}


def everything(session: Session, project: Project) -> list[Any]:
    """All rows of the cases and their transactions, to the last tick."""
    session.rollback()
    return [
        session.execute(
            select(table.__table__).where(table.project_id == project.id).order_by(table.id)
        ).all()
        for table in (Case, CaseTransaction)
    ]


@pytest.mark.parametrize("way", ["multipart", "raw"])
def test_each_case_has_what_its_row_says_and_sending_again_changes_nothing(  # noqa: PLR0917
    session: Session, app: Flask, project: Project, fatima: Fatima, tmp_path: Path, way: str
) -> None:
    some = rows(40)
    file = write(tmp_path / "cases.csv", HEADER, some)
    options = ("--id-column", "id", "--name-column", "county", "--owner", "kern", "--as", way)

    first = fatima.send(file, *options)
    assert first.stdout == "40 rows: 40 processed, 0 duplicates, 0 errors\n", first.stderr
    assert first.returncode == 0
    found = cases(session, project)
    assert len(found) == 40
    for row in some:
        case = found[row[0]]
        assert case.properties == dict(zip(HEADER, row, strict=True))
        assert (case.name, case.type, case.owner_id) == (row[1], "wnv", "kern")
        assert not case.closed

    before = everything(session, project)
    other_way = "raw" if way == "multipart" else "multipart"
    for again in (options, (*options[:-1], other_way)):
        second = fatima.send(file, *again)
        assert second.stdout == "40 rows: 0 processed, 40 duplicates, 0 errors\n", second.stderr
        assert second.returncode == 0
        assert everything(session, project) == before
    folder = app.extensions["settings"].attachments
    assert list(verify(session, project.id, attachments=folder)) == []


def test_a_corrected_row_is_an_edit_of_its_form(
    session: Session, project: Project, fatima: Fatima, tmp_path: Path
) -> None:
    file = write(tmp_path / "cases.csv", ["id", "age"], [["1", "40"], ["2", "64"]])
    fatima.send(file, "--id-column", "id")
    write(file, ["id", "age"], [["1", "40"], ["2", "46"]])
    ran = fatima.send(file, "--id-column", "id")
    assert ran.stdout == "2 rows: 1 processed, 1 duplicates, 0 errors\n", ran.stderr
    assert {one: case.properties["age"] for one, case in cases(session, project).items()} == {
        "1": "40",
        "2": "46",
    }
    states = session.scalars(select(Submission.state).where(Submission.project_id == project.id))
    assert sorted(states) == [
        State.DEPRECATED,
        State.DUPLICATE,
        State.NORMAL,
        State.NORMAL,
    ]


def test_a_row_that_is_changed_back_is_a_duplicate_and_that_is_said(
    session: Session, project: Project, fatima: Fatima, tmp_path: Path
) -> None:
    file = tmp_path / "cases.csv"
    for age in ("40", "46", "40"):
        ran = fatima.send(write(file, ["id", "age"], [["1", age]]), "--id-column", "id")
    assert ran.stdout == "1 rows: 0 processed, 1 duplicates, 0 errors\n"
    assert "Duplicates changed nothing" in ran.stderr
    assert cases(session, project)["1"].properties["age"] == "46"
    ran = fatima.send(file, "--id-column", "id", "--xmlns", "http://example.org/back")
    assert "Duplicates" not in ran.stderr
    assert cases(session, project)["1"].properties["age"] == "40"


def test_rows_that_cannot_be_sent_are_told_and_the_others_arrive(
    session: Session, project: Project, fatima: Fatima, tmp_path: Path
) -> None:
    file = tmp_path / "cases.csv"
    file.write_text(
        "id,name,my column\n"
        "1,Amina,a\n"
        "1,Amina again,b\n"
        ",Nobody,c\n"
        "2,short\n"
        "\n"
        "3,control\x01,d\n"
        f"4,{'long' * 100},e\n"
        "5,Last,f\n",
        encoding="utf-8",
    )
    ran = fatima.send(file, "--id-column", "id", "--name-column", "name")
    assert ran.returncode == 1
    assert ran.stdout == "7 rows: 2 processed, 0 duplicates, 5 errors\n"
    twice, empty, short, control, long = ran.stderr.splitlines()
    assert twice == "Line 3: the id “1” stands in line 2 already"
    assert empty == "Line 4: “id” is empty"
    assert short == "Line 5: it has 2 cells, and there are 3 columns"
    assert control == "Line 7: it has the character U+0001, which XML cannot carry"
    assert long.startswith("Line 8: ")
    assert "longer than 255 characters" in long
    assert {case.name: case.properties for case in cases(session, project).values()} == {
        "Amina": {"id": "1", "name_column": "Amina", "my_column": "a"},
        "Last": {"id": "5", "name_column": "Last", "my_column": "f"},
    }


def test_a_wrong_password_ends_it_at_once(fatima: Fatima, tmp_path: Path) -> None:
    fatima.password_file.write_text("wrong\n", encoding="utf-8")
    file = write(tmp_path / "cases.csv", ["id"], [["1"], ["2"]])
    ran = fatima.send(file, "--id-column", "id")
    assert ran.returncode == 2
    assert "does not accept this user and password" in ran.stderr


# Without Casekeeper: what the script does by itself.


@pytest.fixture(scope="module")
def send_csv() -> ModuleType:
    spec = importlib.util.spec_from_file_location("send_csv", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("date.onset", "date.onset"),
        ("größe", "größe"),
        ("my column", "my_column"),
        ("a:b", "a_b"),
        ("(%)", "___"),
        ("1st", "_1st"),
        ("-x", "_-x"),
        (".x", "_.x"),
        ("", "column_7"),
        ("owner_id", "owner_id_column"),
        ("case_id", "case_id_column"),
        ("Name", "Name"),
    ],
)
def test_how_columns_become_names(send_csv: ModuleType, column: str, name: str) -> None:
    assert send_csv.element_name(column, 7) == name


def test_two_columns_with_one_name_are_refused(send_csv: ModuleType) -> None:
    with pytest.raises(send_csv.Stop, match="“a b” and “a_b” would both be the property a_b"):
        send_csv.element_names(["a b", "c", "a_b"])


def test_ids_depend_on_project_type_and_row(send_csv: ModuleType) -> None:
    def ids(**changes: str) -> tuple[str, str]:
        given = {"project_url": "http://x/a/p", "case_type": "t", "xmlns": "x"} | changes
        options = send_csv.Options(**given, id_column=None, name_column=None, owner="")
        pair: tuple[str, str] = send_csv.ids_for(options, "1")
        return pair

    assert ids() == ids()
    assert ids(project_url="http://x/a/q")[0] != ids()[0]
    assert ids(case_type="u")[0] != ids()[0]
    assert ids(xmlns="y")[0] == ids()[0]
    assert ids(xmlns="y")[1] != ids()[1]
    assert uuid.UUID(ids()[1]).version == 5


def test_it_waits_as_long_as_a_busy_server_says(
    send_csv: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [(503, "7"), (429, None), (201, None)]
    waits: list[float] = []
    monkeypatch.setattr(send_csv.time, "sleep", waits.append)

    class Busy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, wait = answers.pop(0)
            body = b"<r xmlns='x'><message nature='submit_success'>ok</message></r>"
            self.send_response(status)
            if wait:
                self.send_header("Retry-After", wait)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    receiver = send_csv.Receiver(
        f"http://127.0.0.1:{server.server_port}/a/x", "u", "p", multipart=True
    )
    assert receiver.send(b"<x/>").outcome == "processed"
    assert waits == [7.0, 14.0]
    server.shutdown()
    server.server_close()
    with pytest.raises(send_csv.Stop, match="cannot be reached"):
        receiver.send(b"<x/>")
