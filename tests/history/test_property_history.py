"""The history of one value is what the history of the case tells of it (SPEC U5, A7)."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.history.test_timeline import NAMES, one_step, past_of
from webapp.cases.models import Case
from webapp.cases.queries import get_case
from webapp.database import write_transaction
from webapp.history import property_history as module
from webapp.history.property_history import ATTRIBUTES, PastValues, property_history
from webapp.projects.models import Project
from webapp.submissions.archive import archive
from webapp.submissions.own_edit import assign_case


def values(past: PastValues) -> list[tuple[str | None, str | None, bool]]:
    return [(one.before, one.after, one.live) for one in past.values]


@pytest.mark.parametrize("seed", range(2))
def test_it_is_what_the_history_of_the_case_tells(session: Session, project: Project, seed: int):
    chance = random.Random(seed)
    sent: list[tuple[str, list[str]]] = []
    for _step in range(30):
        one_step(session, project, chance, sent)
    session.rollback()
    seen = 0
    for case in session.scalars(select(Case).where(Case.project_id == project.id)).all():
        past = past_of(session, case)
        for name in (*NAMES, *ATTRIBUTES):
            wanted = [
                (form.submission.id, one.before, one.after, form.change.live, form.change.known)
                for form in past.forms
                for one in (
                    form.change.attributes if name in ATTRIBUTES else form.change.properties
                )
                if one.name == ATTRIBUTES.get(name, name)
            ]
            found = property_history(session, case, name)
            assert [
                (one.submission.id, one.before, one.after, one.live, one.known)
                for one in found.values
            ] == wanted
            assert found.older is None
            seen += len(wanted)
    assert seen > 20


def test_an_archived_form_is_there_and_counts_no_more(session: Session, project: Project):
    open_case(session, project.id, "c-1", **{"last.visit-1": "1"})
    wrong = send(session, project.id, form(case_block("c-1", update={"last.visit-1": "2"})))
    send(session, project.id, form(case_block("c-1", update={"last.visit-1": "3", "x": "1"})))
    with write_transaction():
        archive(session, project.id, wrong.submission_id, by=factories.actor())
        assign_case(session, project.id, "c-1", "new", seen="owner-1", by=factories.actor())
    case = get_case(session, project.id, "c-1")
    assert values(property_history(session, case, "last.visit-1")) == [
        ("1", "3", True),
        ("1", "2", False),
        (None, "1", True),
    ]
    assert values(property_history(session, case, "owner_id")) == [
        ("owner-1", "new", True),
        (None, "owner-1", True),
    ]
    assert values(property_history(session, case, "nothing")) == []


def test_a_long_one_has_pages(session: Session, project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "SHOWN", 3)
    monkeypatch.setattr(module, "READ", 4)
    open_case(session, project.id, "c-1", x="0")
    for value in "11223333345678":
        send(session, project.id, form(case_block("c-1", update={"x": value})))
    case = get_case(session, project.id, "c-1")
    found, place, pages = [], None, 0
    while pages == 0 or place is not None:
        past = property_history(session, case, "x", before=place)
        assert len(past.values) <= 3
        found += [one.after for one in past.values]
        place, pages = past.older, pages + 1
    assert found == list("876543210")
    assert pages < 7
