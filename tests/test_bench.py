"""The benchmark works at all, on both databases; what it measures is not for tests to judge."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.databases import postgres_server

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each; one server of PostgreSQL for all that is measured, each in a database of its own."""
    with ExitStack() as stack:
        if request.param == "postgresql" and not os.environ.get("TEST_DATABASE_URL"):
            monkeypatch.setenv("TEST_DATABASE_URL", stack.enter_context(postgres_server()))
        yield request.param


def test_a_quick_run_writes_its_results(database: str, tmp_path: Path) -> None:
    out = tmp_path / "RESULTS.md"
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--database", database, "--out", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert ran.returncode == 0, ran.stderr
    text = out.read_text(encoding="utf-8")
    assert text == ran.stdout.removesuffix("\n")
    assert f"## Receiving forms over HTTP with Basic, on {database}" in text
    assert "| open a case, 4 at once |" in text
    assert f"## Matching 200 open cases, on {database}" in text
    assert f"## Previews over 200 open cases, on {database}" in text
    assert "The panel in the form of a rule" in text
    assert f"## Closing 200 cases with two properties each, on {database}" in text
    assert f"## Another project's rule during a run of 200 cases, on {database}" in text
    assert f"## Restoring one worker among 200 cases, on {database}" in text
    assert f"## Finding some of 2,000 forms and 200 cases, on {database}" in text
    assert "- commit: " in text
