"""Why a rule wrote a form: held against real runs, and what happens afterwards (U9, R18)."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, new_id, open_case, send
from tests.history.by_rules import make_rule, make_run, write_form
from tests.rules.running import CLOSES, done, equals, rule_that, sets
from webapp.cases.models import Case, CaseTransaction
from webapp.clock import DAY, iso
from webapp.database import write_transaction
from webapp.history.why import Why, why
from webapp.projects.models import Project
from webapp.rules.definition import DateIs, NotModifiedSince, PropertyIs
from webapp.rules.models import Run
from webapp.rules.moment import parse_as_of
from webapp.rules.references import parse_reference
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import Submission
from webapp.submissions.queries import get_submission

CLOSE_DONE = rule_that(CLOSES, sets("closed_by_rule", "yes"), where=equals("status", "done"))


def explained(session: Session, project: Project, run: Run, case_id: str) -> Why:
    """Why the run wrote its form about a case."""
    session.rollback()
    one = session.scalars(
        select(Submission)
        .join(CaseTransaction, CaseTransaction.submission == Submission.id)
        .join(Case, Case.id == CaseTransaction.case)
        .where(Submission.run_id == run.id, Case.case_id == case_id)
        .where(Case.project_id == project.id)
    ).one()
    found = why(session, one)
    assert found is not None
    assert found.run is session.get_one(Run, run.id)
    return found


def found_in(told: Why) -> list[tuple[str | None, bool]]:
    """What was found for each condition, and whether it is true."""
    assert told.explanation is not None
    return [(one.found, one.matches) for one in told.explanation.verdicts]


def visit(case_id: str, parent: str, **update: str) -> bytes:
    return form(
        case_block(
            case_id,
            create={"case_type": "visit", "case_name": case_id},
            update=update,
            index={"parent": ("patient", parent)},
        )
    )


def say(session: Session, project: Project, case_id: str, **update: str) -> None:
    send(session, project.id, form(case_block(case_id, update=update)))


def test_a_form_is_explained_by_what_the_case_was(session: Session, project: Project):
    open_case(session, project.id, "c-1", status="done")
    run = done(project, CLOSE_DONE)
    told = explained(session, project, run, "c-1")
    assert found_in(told) == [("done", True)]
    assert (told.case_id, told.case_name, told.related) == ("c-1", "Case c-1", False)
    assert told.explanation is not None
    assert told.explanation.matches
    assert not told.rewritten
    # What came later changes nothing of it.
    say(session, project, "c-1", status="reopened")
    send(session, project.id, form(case_block("c-1", create={"case_type": "other"})))
    again = explained(session, project, run, "c-1")
    assert found_in(again) == [("done", True)]
    assert again.explanation is not None
    assert again.explanation.matches
    assert not again.rewritten


def test_the_form_itself_may_be_archived(session: Session, project: Project):
    open_case(session, project.id, "c-1", status="done")
    run = done(project, CLOSE_DONE)
    one = session.scalars(select(Submission).where(Submission.run_id == run.id)).one()
    with write_transaction():
        archive(session, project.id, one.submission_id, by=factories.actor())
    told = explained(session, project, run, "c-1")
    assert found_in(told) == [("done", True)]
    assert not told.rewritten


def test_a_form_that_no_rule_wrote_is_not_explained(session: Session, project: Project):
    kept = open_case(session, project.id, "c-1")
    assert why(session, get_submission(session, project.id, kept.submission_id)) is None


def test_related_cases_are_what_they_were_then(session: Session, project: Project):
    open_case(session, project.id, "p-1", region="north")
    send(session, project.id, visit("v-1", "p-1"))
    where = equals("parent/region", "north")
    run = done(project, rule_that(sets("zone", "a"), where=where, case_type="visit"))
    say(session, project, "p-1", region="south")
    told = explained(session, project, run, "v-1")
    assert found_in(told) == [("north", True)]
    assert not told.rewritten


def test_what_the_run_wrote_itself_is_not_what_it_looked_at(session: Session, project: Project):
    open_case(session, project.id, "p-1")
    for child in ("v-1", "v-2"):
        send(session, project.id, visit(child, "p-1"))
    where = PropertyIs(parse_reference("parent/seen"), "not_equals", "yes")
    actions = (sets("parent/seen", "yes"), sets("told", "yes"))
    run = done(project, rule_that(*actions, where=where, case_type="visit"))
    for child in ("v-1", "v-2"):
        assert found_in(explained(session, project, run, child)) == [(None, True)]
    related = explained(session, project, run, "p-1")
    assert related.related
    assert (related.case_id, found_in(related)) == ("v-1", [(None, True)])


def test_a_case_that_was_changed_after_the_plan_is_read_as_of_its_turn(
    session: Session, project: Project
):
    open_case(session, project.id, "p-1")
    for child in ("v-1", "v-2", "v-3"):
        send(session, project.id, visit(child, "p-1"))
    criteria = [
        {"kind": "property", "property": "parent/n", "operator": "not_equals", "value": "9"}
    ]
    rule = make_rule(session, project.id, case_type="visit", criteria=criteria)
    run = make_run(session, rule)
    write_form(session, run, "p-1", place=0, part=1, update_={"n": "1"})
    say(session, project, "v-2", note="new")
    for place, child in ((1, "v-2"), (2, "v-3")):
        write_form(session, run, child, place=place, close=True)
    assert found_in(explained(session, project, run, "v-2")) == [("1", True)]
    assert found_in(explained(session, project, run, "v-3")) == [(None, True)]


def test_a_matched_case_without_a_form_is_not_guessed(session: Session, project: Project):
    open_case(session, project.id, "p-1")
    send(session, project.id, visit("v-1", "p-1", told="yes"))
    where = equals("told", "yes")
    actions = (sets("told", "yes"), sets("parent/seen", "yes"))
    run = done(project, rule_that(*actions, where=where, case_type="visit"))
    told = explained(session, project, run, "p-1")
    assert told.related
    assert (told.case_id, told.explanation) == (None, None)


@pytest.mark.parametrize("again", [False, True], ids=["archived", "and restored"])
def test_an_archived_form_no_longer_explains_it(session: Session, project: Project, again: bool):
    open_case(session, project.id, "c-1")
    kept = send(session, project.id, form(case_block("c-1", update={"status": "done"})))
    run = done(project, CLOSE_DONE)
    with write_transaction():
        archive(session, project.id, kept.submission_id, by=factories.actor())
    told = explained(session, project, run, "c-1")
    assert (told.rewritten, found_in(told)) == (True, [(None, False)])
    if again:
        with write_transaction():
            restore(session, project.id, kept.submission_id, by=factories.actor())
        told = explained(session, project, run, "c-1")
        assert (told.rewritten, found_in(told)) == (True, [("done", True)])


def test_an_edit_of_an_earlier_form_is_told(session: Session, project: Project):
    open_case(session, project.id, "c-1", status="done")
    identity = new_id()
    first = case_block("c-1", update={"note": "one"})
    send(session, project.id, form(first, instance_id=identity))
    run = done(project, CLOSE_DONE)
    assert not explained(session, project, run, "c-1").rewritten
    # The edit is no longer about the case: only the older version tells that it was.
    open_case(session, project.id, "c-2")
    other = case_block("c-2", update={"note": "two"})
    send(session, project.id, form(other, instance_id=identity))
    told = explained(session, project, run, "c-1")
    assert (told.rewritten, found_in(told)) == (True, [("done", True)])


def test_the_moment_is_that_of_the_run(session: Session, project: Project):
    open_case(session, project.id, "c-1", tested="2004-08-01")
    where = DateIs(parse_reference("tested"), "after", 60)
    as_of = parse_as_of("2004-11-01", "UTC")
    run = done(project, rule_that(CLOSES, where=where), as_of=as_of)
    told = explained(session, project, run, "c-1")
    assert found_in(told) == [("2004-08-01", True)]
    assert told.explanation is not None
    assert "2004-09-01" in told.explanation.verdicts[0].wanted


def test_when_it_was_last_modified_is_of_then(session: Session, project: Project):
    open_case(session, project.id, "c-1")
    case = session.scalars(select(Case).where(Case.project_id == project.id)).one()
    assert case.server_modified_on is not None
    was = case.server_modified_on
    as_of = was + 3 * DAY
    run = done(project, rule_that(CLOSES, where=NotModifiedSince(2)), as_of=as_of)
    assert found_in(explained(session, project, run, "c-1")) == [(iso(was), True)]
