"""The walk-throughs of docs/walkthroughs, as people walk them: from outside, against a server and a
worker, with files of the shape of those that they are for."""

from __future__ import annotations

import contextvars
import csv
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.jobs.work import worker_process
from tests.redis import redis_server
from tests.servers import ROOT, environment_of, server_process
from webapp.projects.models import Project

FOLDER = ROOT / "docs" / "walkthroughs"

#: Dates of tests: around the 60 days before 1 November 2004, with a time, and none at all.
TESTED = (
    "2004-06-02",
    "2004-09-01",
    "2004-09-02",
    "2004-10-31",
    "2004-07-15T10:00:00Z",
    "",
    "2004-02-30",
    "unknown",
)
DEATH = ("No", "", "Yes", "yes", "No")
DIED = ("", "2018-12-31T23:59:59+00:00", "2019-01-01", "1990-10-01T17:06:04.707531+00:00")
PLANS = ("Wound care", "Diet education", "Wound care", "Respiratory therapy (procedure)")


@dataclass(frozen=True)
class Place:
    """Where a walk goes: a server with a worker, a command line, and its key."""

    app: Flask
    address: str
    flask_command: list[str]
    key_file: Path
    project: str

    def walk(self, script: str, *files: Path) -> subprocess.CompletedProcess[str]:
        """Walk, and return what was said."""
        command = [
            *(sys.executable, FOLDER / script, *files),
            *("--url", self.address, "--project", self.project, "--key-file", self.key_file),
            *("--flask", shlex.join(self.flask_command)),
        ]
        return subprocess.run(
            [str(word) for word in command],
            env=environment_of(self.app),
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )


@pytest.fixture(scope="module")
def address(app: Flask) -> Iterator[str]:
    """A server with a worker."""
    with (
        redis_server() as redis,
        worker_process(app, redis),
        server_process(app, redis_url=redis) as address,
    ):
        yield address


@pytest.fixture
def place(
    app: Flask, address: str, flask_command: list[str], project: Project, tmp_path: Path
) -> Place:
    """A project with a key of somebody who may edit."""
    editor = factories.web_user(project, "editor")
    made = contextvars.Context().run(
        app.test_cli_runner().invoke,
        args=["key", "create", editor.email, "--project", project.name],
    )
    assert made.exit_code == 0, made.output
    key_file = tmp_path / f"{project.name}.txt"
    key_file.write_text(made.stdout, encoding="utf-8")
    return Place(app, address, flask_command, key_file, project.name)


def write(file: Path, header: str, rows: Sequence[Sequence[str]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header.split(","), *rows])
    return file


def west_nile(folder: Path) -> tuple[Path, ...]:
    """A list of cases."""
    rows = [
        [
            str(n),
            ("Kern", "", " Los Ángeles ", "O'Brien, & <co>")[n % 4],
            str(20 + n),
            TESTED[n % len(TESTED)],
            DEATH[n % len(DEATH)],
        ]
        for n in range(1, 81)
    ]
    return (write(folder / "west-nile.csv", "id,county,age,date.tested,death", rows),)


def synthea(folder: Path) -> tuple[Path, ...]:
    """Patients and their care plans."""
    patients = [
        [f"p{n}", f"Adán Ünal {n}", DIED[n % 4], ("Massachusetts", "Maine")[n == 7]]
        for n in range(8)
    ]
    plans = [
        [f"c{n}", f"p{n % 8}", PLANS[n // 16], ("active", "completed")[n % 2]] for n in range(40)
    ]
    return (
        write(folder / "patients.csv", "id,name,deceased,state", patients),
        write(folder / "careplans.csv", "id,patient_id,plan,status", plans),
    )


def test_all_is_as_the_files_say(session: Session, place: Place, tmp_path: Path) -> None:
    # One of them on each database: neither does what the other's cannot.
    if session.get_bind().dialect.name == "sqlite":
        walked = place.walk("west_nile.py", *west_nile(tmp_path))
        # Of eight dates three are old enough, and of five deaths four are not "Yes".
        said = ["ok    changed: 24"]
    else:
        walked = place.walk("synthea.py", *synthea(tmp_path))
        # Patients 1, 3 and 5 died early enough, and lived where the rule looks: five plans each.
        # Twice a plan is called like the one before it, and then there is nothing to note at the
        # patient.
        said = ["ok    closed: 15", "ok    related_updates: 9"]
    assert walked.returncode == 0, walked.stdout + walked.stderr
    assert "WRONG" not in walked.stdout
    assert walked.stdout.count("verify: ") == 5
    assert [line for line in said if line not in walked.stdout] == []


def test_without_a_key_it_stops(place: Place, tmp_path: Path) -> None:
    place.key_file.write_text("ApiKey nobody@example.org:wrong\n", encoding="utf-8")
    file = write(tmp_path / "one.csv", "id,date.tested,death", [["1", "2004-06-02", "No"]])
    walked = place.walk("west_nile.py", file)
    assert walked.returncode == 2
    assert "Stopped: The form of" in walked.stderr
    assert "(401)" in walked.stderr


@pytest.mark.parametrize(("found", "status"), [(3, 0), (4, 1)])
def test_a_difference_is_told_by_the_exit_status(found: int, status: int) -> None:
    lines = (
        "import sys; from walking import walk",
        f"sys.exit(walk(lambda steps: steps.same('cases', {found}, 3)))",
    )
    ran = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == status, ran.stderr
    assert ("WRONG cases: 4, expected 3" in ran.stdout) == bool(status)
