"""Small demonstrations, for the whole one takes a while."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.factories import actor, unique
from webapp.clock import from_datetime, pretend
from webapp.demo import build, nights
from webapp.demo.build import Demo
from webapp.demo.programme import Size
from webapp.extensions import db
from webapp.projects.models import Project

#: Always the same, for what happens depends on the days of the week.
UNTIL = from_datetime(datetime(2025, 6, 17, 9, 30, tzinfo=UTC))
SMALL = Size(promoters=6, days=290)
#: For what needs no weeks of rules.
TINY = Size(promoters=4, days=140)
SEED = 24

#: The days of the story, and where they are in four nights.
_SHORTER = {25: 4, 24: 3, 23: 3, 21: 3, 20: 2, 19: 2, 18: 3, 17: 2, 15: 3, 13: 2, 7: 2, 1: 1}


@pytest.fixture(scope="module", autouse=True)
def _four_nights() -> Iterator[None]:
    """The same story in four nights, with a brake that fits so few cases."""
    shorter = tuple(replace(told, days=_SHORTER[told.days]) for told in nights.STORY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nights, "STORY", shorter)
        patch.setattr(build, "SETTINGS", build.SETTINGS | {"brake_cases": 4, "brake_percent": 18})
        yield


def begun(kind: type[Demo] = Demo, size: Size = SMALL) -> Demo:
    """A small demonstration that nothing has happened in."""
    with pretend(UNTIL):
        return kind.begin(unique("demo"), seed=SEED, size=size, by=actor())


def played(demo: Demo) -> Project:
    """Its project, when all has happened."""
    demo.play()
    db.session.rollback()
    return db.session.get_one(Project, demo.begun.project_id)
