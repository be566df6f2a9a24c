"""`init` makes an installation that is closed to everybody else (SPEC L1)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SECRET
from webapp import create_app
from webapp.config import Settings
from webapp.extensions import db


@pytest.fixture
def everybody_may() -> Iterator[None]:
    """What is made without a mode of its own is open to all."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("everybody_may")
@pytest.mark.parametrize("is_there", [False, True])
def test_the_data_folder_is_for_its_owner_alone(tmp_path: Path, is_there: bool):
    data = tmp_path / "place" / "data"
    if is_there:
        data.mkdir(parents=True, mode=0o755)
    app = create_app(Settings(data=data, secret=SECRET))
    result = app.test_cli_runner().invoke(args=["init"])
    assert result.exit_code == 0, result.output
    assert ("is there" in result.stdout) == is_there
    assert data.stat().st_mode & 0o777 == 0o700
    assert (data / "casekeeper.sqlite").exists()
    with app.app_context():
        db.engine.dispose()
