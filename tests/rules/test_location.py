"""The condition that the owner is in a location (SPEC R4): whose cases match, and what is said."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import open_case
from tests.people import scene
from tests.rules.running import (
    WAYS,
    before_each_piece,
    case,
    done,
    queued,
    rule_that,
    saved,
    sets,
    the,
    worked,
)
from webapp.database import write_transaction
from webapp.people.models import MobileWorker
from webapp.people.sharing_models import Assignment, Location
from webapp.projects.models import Project
from webapp.rules.definition import LocationIs
from webapp.rules.describe import action_words, criterion_words
from webapp.rules.explain_case import explain_case
from webapp.rules.moment import moment_at
from webapp.rules.naming import owners_named
from webapp.rules.portable import from_json, to_json
from webapp.rules.preview import preview
from webapp.rules.warnings import warnings_about

NOW = moment_at(1_800_000_000_000_000, "UTC")


@pytest.fixture
def north(project: Project) -> Location:
    """A district with a clinic, which is archived: each with a worker, one of them deactivated, and
    beside them somebody who is assigned to nothing."""
    beno, cora, _dora = scene.workers(project, "beno", "cora", "dora")
    scene.deactivate(cora)
    places = scene.level(project, owns=False)
    north = scene.location(project, "North", places, beno)
    scene.location(project, "Clinic", places, cora, above=north, archived=True)
    scene.location(project, "South", places)
    return north


def owned(session: Session, project: Project) -> None:
    """A case for each who may own one; its id is the owner's name."""
    for row in session.query(Location).filter_by(project_id=project.id).all():
        open_case(session, project.id, row.name, owner_id=row.location_id)
    for row in session.query(MobileWorker).filter_by(project_id=project.id).all():
        open_case(session, project.id, row.username, owner_id=row.user_id)
    open_case(session, project.id, "nobody", owner_id="nobody")


def tagged(session: Session, project: Project) -> set[str]:
    names = ("North", "Clinic", "South", "beno", "cora", "dora", "nobody")
    return {one for one in names if case(session, project, one).properties.get("tag")}


@WAYS
@pytest.mark.parametrize("below", [False, True])
def test_whose_cases_match(
    session: Session, project: Project, north: Location, *, below: bool, way: str
):
    those = {"North", "beno", "Clinic", "cora"} if below else {"North", "beno"}
    owned(session, project)
    rule = rule_that(sets("tag", "x"), where=LocationIs(north.location_id, below))
    seen = preview(session, project.id, rule, NOW)
    assert (seen.open_cases, seen.would_change, seen.funnel[0].cases) == (7, len(those), len(those))
    session.rollback()
    with the(way):
        run = done(project, rule)
    assert (run.changed, tagged(session, project)) == (len(those), those)


def test_who_was_moved_since_the_plan_makes_no_difference(
    session: Session, project: Project, north: Location
):
    """An assignment is no submission: the plan stands (R18)."""
    owned(session, project)
    rule = rule_that(sets("tag", "x"), where=LocationIs(north.location_id, True))
    run = queued(project, saved(project, rule))

    def moved() -> None:
        with write_transaction() as beside:
            beside.query(Assignment).filter_by(project_id=project.id).delete()

    with before_each_piece(moved):
        worked(run)
    assert (run.changed, run.skipped) == (4, 0)
    assert done(project, rule_that(sets("tag", "y"), where=rule.criteria[0])).changed == 2


def test_it_is_explained_with_names(
    app: Flask, session: Session, project: Project, north: Location
):
    owned(session, project)
    rule = rule_that(sets("owner_id", north.location_id), where=LocationIs(north.location_id, True))
    with app.test_request_context(), owners_named(session, project.id):
        told = explain_case(session, project.id, rule, "beno", NOW).explanation
        (verdict,) = told.verdicts
        assert told.matches
        beno = session.query(MobileWorker).filter_by(username="beno", project_id=project.id).one()
        assert verdict.found == beno.user_id
        assert criterion_words(verdict.criterion) == (
            "the owner is the location “North”, a location below it, or a worker assigned to one of"
            " these"
        )
        assert action_words(rule.actions[0]) == f"set owner_id to “{north.location_id}” (North)"
        assert not explain_case(session, project.id, rule, "dora", NOW).explanation.matches


def test_what_may_not_be_meant_is_said(
    app: Flask, session: Session, project: Project, north: Location
):
    clinic, south = (
        session.query(Location).filter_by(project_id=project.id, name=name).one()
        for name in ("Clinic", "South")
    )

    def said(location_id: str, below: bool) -> list[str]:
        rule = rule_that(sets("a", "b"), where=LocationIs(location_id, below))
        return [one for one in warnings_about(session, project.id, rule) if "ocation" in one]

    with app.test_request_context():
        assert said(north.location_id, True) == []
        assert said(clinic.location_id, False) == ["The location “Clinic” is archived."]
        assert said("0" * 32, False) == [f"No location has the id “{'0' * 32}”."]
        (alone,) = said(south.location_id, False)
        assert alone.startswith("No worker is assigned to the location “South”: only cases match")
        (below,) = said(south.location_id, True)
        assert below.startswith("No worker is assigned to the location “South” or one below it: ")


def test_another_projects_locations_are_nobodys(
    session: Session, project: Project, north: Location
):
    other = factories.project()
    open_case(session, other.id, "theirs", owner_id=north.location_id)
    rule = rule_that(sets("tag", "x"), where=LocationIs(north.location_id, True))
    assert preview(session, other.id, rule, NOW).matched == 0


def test_as_json(app: Flask):
    location = {"kind": "location", "location": "0a" * 16, "include_descendants": True}
    sent = {
        "name": "A",
        "case_type": "patient",
        "match": "all",
        "criteria": [location, {"kind": "location", "location": "1b" * 16}],
        "actions": [{"kind": "close"}],
    }
    with app.test_request_context():
        definition = from_json(sent)
        assert definition.criteria == (LocationIs("0a" * 16, True), LocationIs("1b" * 16, False))
        assert to_json(definition)["criteria"][0] == location
