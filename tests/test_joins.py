"""A key leads to its row in its own project only."""

from __future__ import annotations

from sqlalchemy import literal, select
from sqlalchemy.orm import Session, aliased

from tests import factories
from tests.forms import open_case
from webapp.cases.models import Case
from webapp.joins import one_of, row_of, same_project
from webapp.projects.models import Project


def key_of(session: Session, project: Project) -> int:
    open_case(session, project.id, "a")
    return session.scalars(select(Case.id).where(Case.project_id == project.id)).one()


def test_a_row_is_found_by_its_key_in_its_own_project_only(session: Session, project: Project):
    other = factories.project()
    mine, theirs = key_of(session, project), key_of(session, other)
    assert session.scalars(select(Case.id).where(row_of(Case, mine, project.id))).all() == [mine]
    assert session.scalars(select(Case.id).where(row_of(Case, theirs, project.id))).all() == []


def test_rows_of_the_same_project_are_those_of_no_other(session: Session, project: Project):
    mine = key_of(session, project)
    theirs = key_of(session, factories.project())
    beside = aliased(Case)
    found = select(beside.id).join(Case, same_project(beside, Case)).where(Case.id == mine)
    assert session.scalars(found.where(beside.id.in_([mine, theirs]))).all() == [mine]


def test_a_value_is_one_of_what_a_query_finds(session: Session, project: Project):
    mine = key_of(session, project)
    some = select(Case.id).where(Case.project_id == project.id)
    assert session.scalars(select(Case.id).where(one_of(Case.id, some))).all() == [mine]
    assert session.scalars(select(Case.id).where(one_of(literal(-1), some))).all() == []
