"""The commands are loaded when they are asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.conftest import SECRET
from webapp import create_app
from webapp.cli import COMMANDS
from webapp.config import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_is_called_as_it_is_found(run: Command, name: str):
    ran = run(name, "--help")
    assert ran.code == 0
    assert f"Usage: flask {name} " in ran.out


def test_the_help_lists_all(run: Command):
    listed = {line.split()[0] for line in run("--help").out.splitlines() if line.startswith("  ")}
    assert listed >= set(COMMANDS)


def test_those_of_flask_migrate_find_the_migrations(tmp_path: Path):
    app = create_app(Settings(data=tmp_path, secret=SECRET))
    ran = app.test_cli_runner().invoke(args=["db", "heads"])
    assert ran.exit_code == 0, ran.output


def test_nothing_is_loaded_that_a_server_does_not_need():
    """A server and a worker start in half the time without these; and garbage, which is not
    collected meanwhile, is collected again."""
    said = subprocess.run(
        [sys.executable, "-c", "import gc, sys, webapp; print(gc.isenabled(), *sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert said[0] == "True"
    assert not {"alembic", "webapp.demo.build", "webapp.cli.up"} & set(said)
