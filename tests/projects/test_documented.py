"""docs/settings.md says what each setting of a project may be, and what it is at first."""

from __future__ import annotations

from pathlib import Path

from webapp.cli.projects import _SETTINGS
from webapp.projects.models import Project
from webapp.projects.operations import NUMBERS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def documented() -> dict[str, tuple[str, str]]:
    """By key: what it is at first, and what it may be."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text().splitlines()
        if line.startswith("|")
    ]
    return {row[1].strip("`"): (row[2], row[3]) for row in rows if row[1].startswith("`")}


def test_every_setting_is_documented():
    assert set(documented()) == set(_SETTINGS)


def test_numbers_are_what_the_page_says():
    for name, (least, most) in NUMBERS.items():
        default = Project.__table__.c[name].default.arg
        assert documented()[name] == (str(default), f"{least} to {most}"), name
