"""Two phones that change the same case while they are offline (SPEC C8)."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.forms import case_block, form, open_case, send
from tests.people import scene
from webapp.cases.queries import get_case
from webapp.people.models import MobileWorker
from webapp.projects.models import Project
from webapp.submissions.verify import verify


@pytest.fixture
def phones(session: Session, project: Project) -> tuple[MobileWorker, MobileWorker]:
    """Amina and Beno share a case; both have it as it is now, and then no network."""
    amina, beno = scene.workers(project, "amina", "beno")
    team = scene.group(project, "Team", amina, beno)
    open_case(session, project.id, "c", owner_id=team.group_id, weight="50", village="A")
    return amina, beno


def visit(
    session: Session,
    project: Project,
    worker: MobileWorker,
    at: str,
    *,
    close: bool = False,
    **update: str,
) -> None:
    """What a phone sends when it has a network again; `at` is when the worker wrote it."""
    block = case_block("c", update=update, close=close, date_modified=at, user_id=worker.user_id)
    send(session, project.id, form(block, user_id=worker.user_id, username=worker.username))


def test_the_last_received_wins_for_each_property_and_others_merge(
    session: Session, project: Project, phones: tuple[MobileWorker, MobileWorker], tmp_path: Path
):
    amina, beno = phones
    # Beno wrote later, and his form comes first.
    visit(session, project, beno, "2025-03-03T10:00:00Z", weight="52", muac="11")
    visit(session, project, amina, "2025-03-02T10:00:00Z", weight="51", edd="2025-09-01")
    case = get_case(session, project.id, "c")
    assert case.properties == {"weight": "51", "village": "A", "muac": "11", "edd": "2025-09-01"}
    assert case.modified_by == amina.user_id
    assert list(verify(session, project.id, attachments=tmp_path)) == []


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_closed_stays_closed_whatever_comes_when(
    session: Session,
    project: Project,
    phones: tuple[MobileWorker, MobileWorker],
    order: tuple[int, ...],
):
    amina, beno = phones
    come = [
        lambda: visit(session, project, amina, "2025-03-02T10:00:00Z", close=True, outcome="well"),
        lambda: visit(session, project, beno, "2025-03-03T10:00:00Z", weight="52"),
        lambda: visit(session, project, amina, "2025-03-04T10:00:00Z", village="B"),
    ]
    for one in order:
        come[one]()
    case = get_case(session, project.id, "c")
    assert case.closed
    assert case.properties == {"weight": "52", "village": "B", "outcome": "well"}
