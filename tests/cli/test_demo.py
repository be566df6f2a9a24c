"""`demo`, and what the first `up` makes of it (SPEC L1, X6)."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.cli.conftest import Command
from tests.conftest import make_app
from tests.factories import actor, unique
from webapp.config import Settings
from webapp.demo import build
from webapp.demo.build import Demo, Made
from webapp.demo.marks import unfinished
from webapp.demo.programme import Size
from webapp.embedded.data_folder import only_instance
from webapp.extensions import db
from webapp.people.first_start import FirstLogin
from webapp.people.models import MobileWorker
from webapp.projects.models import Project

up = importlib.import_module("webapp.cli.up")  # the room gives the command of this name
LOGIN = FirstLogin("a@example.org", "secret", "demo", "w", "secret", Path("first-login.txt"))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "TWO_YEARS", Size(promoters=3, days=60))
    monkeypatch.setattr(build, "nights", lambda _programme: [])


def test_the_command_makes_a_project_once(run: Command, session: Session):
    name = unique("demo")
    ran = run("demo", "--project", name, "--json")
    assert ran.code == 0, ran.err
    assert ran.json["name"] == name
    assert ran.json["workers"] == 3
    assert ran.json["forms"] > ran.json["cases"] > 0
    project = session.scalars(select(Project).where(Project.name == name)).one()
    assert project.timezone == "Africa/Nairobi"
    assert f"--project {name} --role admin" in ran.err
    again = run("demo", "--project", name)
    assert again.code == 1
    assert "has been used already" in again.err
    assert run("verify", "--project", name).code == 0


def test_another_seed_is_another_programme(run: Command, session: Session):
    names = [unique("demo"), unique("demo")]
    for seed, name in enumerate(names):
        assert run("demo", "--project", name, "--seed", str(seed)).code == 0
    people = [
        set(
            session.scalars(
                select(MobileWorker.username)
                .join(Project, Project.id == MobileWorker.project_id)
                .where(Project.name == name)
            )
        )
        for name in names
    ]
    assert people[0] != people[1]


@pytest.mark.parametrize(
    ("settings", "login", "makes"),
    [
        ({}, LOGIN, True),
        ({}, None, False),  # it was there, or nobody wants it any more
        ({"host": "0.0.0.0"}, LOGIN, False),
        ({"host": "::1"}, LOGIN, True),
        ({"host": "0.0.0.0", "demo": True}, LOGIN, True),
        ({"demo": False}, LOGIN, False),
    ],
)
@pytest.mark.usefixtures("session")
def test_the_first_start_makes_it_where_only_this_machine_is_served(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], login: FirstLogin | None, makes: bool
):
    made: list[str] = []
    monkeypatch.setattr(up, "unfinished", lambda _session: [])
    monkeypatch.setattr(
        up, "make", lambda name, seed, *, by: made.append(name) or Made(1, name, 3, 4, 5)
    )
    up.make_demos(Settings(**settings), login)
    assert made == (["demo"] if makes else [])


@pytest.mark.usefixtures("app")
def test_a_later_start_finishes_what_was_broken_off(session: Session):
    name = unique("demo")
    Demo.begin(name, by=actor())
    up.make_demos(Settings(), None)
    assert name not in unfinished(session)
    assert session.scalar(
        select(MobileWorker.id)
        .join(Project, Project.id == MobileWorker.project_id)
        .where(Project.name == name)
        .limit(1)
    )


def test_the_command_is_refused_while_the_server_runs(tmp_path: Path):
    app = make_app(tmp_path, "")
    with only_instance(tmp_path):
        ran = app.test_cli_runner().invoke(args=["demo"])
    assert ran.exit_code == 1
    assert "already running" in ran.stderr


def test_the_first_person_gets_a_login(tmp_path: Path):
    app = make_app(tmp_path, "")
    ran = app.test_cli_runner().invoke(args=["demo"])
    assert ran.exit_code == 0
    assert "Sign in as admin@demo.example with the password" in ran.stderr
    with app.app_context():
        project = db.session.scalars(select(Project)).one()
        assert (project.name, project.title) == ("demo", build.TITLE)
        db.session.remove()
        db.engine.dispose()
