"""Editing and reassigning a case writes one form with what differs, and can be taken back (U5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.submissions.test_replay import picture
from tests.thorough import examples
from webapp.cases.queries import get_case
from webapp.database import write_transaction
from webapp.errors import Invalid, NotFound, Refused
from webapp.projects.models import Project
from webapp.submissions.archive import archive
from webapp.submissions.models import State, Submission
from webapp.submissions.own import EDIT_XMLNS, undo
from webapp.submissions.own_edit import (
    ChangedMeanwhile,
    InvalidValues,
    Wish,
    assign_case,
    edit_case,
    fingerprint,
)
from webapp.submissions.queries import content_of, get_submission
from webapp.submissions.rebuild import rebuild
from webapp.submissions.verify import verify


def wish(value: str, seen: str | None = None, **more: str | None) -> Wish:
    """A wish of somebody who saw `seen`."""
    return Wish(value, fingerprint(seen), **{name: fingerprint(v) for name, v in more.items()})


def edit(project: Project, **wishes: Wish) -> str | None:
    with write_transaction() as session:
        return edit_case(session, project.id, "c-1", wishes, by=factories.actor())


def assign(project: Project, owner_id: str, seen: str = "owner-1") -> str | None:
    with write_transaction() as session:
        return assign_case(session, project.id, "c-1", owner_id, seen=seen, by=factories.actor())


def take_back(project: Project, submission_id: str, case_id: str = "c-1") -> Submission | None:
    with write_transaction() as session:
        actor = factories.actor()
        return undo(session, project.id, case_id, submission_id, by=actor, reason="wrong")


def now(session: Session, project: Project) -> Any:
    session.rollback()
    return get_case(session, project.id, "c-1")


def test_only_what_differs_is_written_by_one_form(
    session: Session, project: Project, tmp_path: Path
):
    open_case(session, project.id, "c-1", weight="50", village="Kisumu", note="a\nb")
    form_id = edit(
        project,
        weight=wish("51", "50"),
        village=wish("Kisumu", "Kisumu"),
        note=wish("a\r\nb", "a\nb"),  # as a browser sends it
        seen=wish("yes"),
        unset=wish(""),
        case_name=wish("Ada", "Case c-1"),
        external_id=wish(""),
    )
    assert form_id
    made = get_submission(session, project.id, form_id)
    assert (made.own, made.xmlns, made.username) == (True, EDIT_XMLNS, "tester")
    xml = content_of(session, made)
    assert b"<update><case_name>Ada</case_name><weight>51</weight><seen>yes</seen></update>" in xml
    case = now(session, project)
    assert case.name == "Ada"
    assert case.properties == {"weight": "51", "village": "Kisumu", "note": "a\nb", "seen": "yes"}
    assert list(verify(session, project.id, attachments=tmp_path)) == []
    before = session.query(Submission).count()
    assert edit(project, weight=wish("51", "51"), note=wish("a\nb", "other")) is None
    assert session.query(Submission).count() == before, "nothing differs, so no form"


def test_what_cannot_be_is_said_of_each_value_and_nothing_is_written(
    session: Session, project: Project
):
    open_case(session, project.id, "c-1", fine="1")
    with pytest.raises(InvalidValues) as refused:
        edit(
            project,
            fine=wish("2", "1"),
            case_name=wish("x" * 256, "Case c-1"),
            large=wish("é" * 16_385),
            control=wish("a\x0bb"),
            owner_id=wish("x"),
            closed=wish("true"),
            **{"1st": wish("x"), "a/b": wish("x"), "w" * 256: wish("x")},
        )
    problems = refused.value.problems
    assert problems.keys() == {
        *("case_name", "large", "control", "owner_id", "closed", "1st", "a/b", "w" * 256)
    }
    assert "255" in problems["case_name"]
    assert "32 kB" in problems["large"]
    assert "what each case has" in problems["owner_id"]
    assert now(session, project).properties == {"fine": "1"}


def test_a_property_that_a_form_named_as_it_liked_can_be_edited(session: Session, project: Project):
    send(session, project.id, form(case_block("c-1", update={"größe": "1", "closed": "no"})))
    assert edit(project, größe=wish("2", "1"), closed=wish("yes", "no"))
    assert now(session, project).properties == {"größe": "2", "closed": "yes"}


def test_a_value_that_changed_meanwhile_is_asked_for(session: Session, project: Project):
    open_case(session, project.id, "c-1", weight="50", village="Kisumu")
    send(session, project.id, form(case_block("c-1", update={"weight": "52", "village": "Siaya"})))
    with pytest.raises(ChangedMeanwhile) as asked:
        edit(project, weight=wish("51", "50"), village=wish("Kisumu", "Kisumu"), x=wish("1"))
    assert asked.value.now == {"weight": "52"}, "of the village they changed nothing"
    assert now(session, project).properties == {"weight": "52", "village": "Siaya"}
    assert edit(project, weight=wish("51", "50", keep="52"), x=wish("1"))
    assert now(session, project).properties == {"weight": "52", "village": "Siaya", "x": "1"}
    with pytest.raises(ChangedMeanwhile):  # the answer was to another question
        edit(project, weight=wish("51", "50", over="53"))
    assert edit(project, weight=wish("52", "50")) is None, "both want the same"
    assert edit(project, weight=wish("51", "50", over="52"))
    assert now(session, project).properties["weight"] == "51"


def test_reassigning(session: Session, project: Project):
    open_case(session, project.id, "c-1")
    assert assign(project, "owner-1") is None
    form_id = assign(project, "owner-2")
    assert form_id
    assert now(session, project).owner_id == "owner-2"
    assert assign(project, "owner-2", seen="owner-1") is None
    with pytest.raises(ChangedMeanwhile) as asked:
        assign(project, "owner-3", seen="owner-1")
    assert asked.value.now == {"owner_id": "owner-2"}
    for wrong in ("", "a b", "x" * 256):
        with pytest.raises(Invalid):
            assign(project, wrong, seen="owner-2")
    assert take_back(project, form_id)
    assert now(session, project).owner_id == "owner-1"


def test_undo_is_for_forms_of_this_case_that_its_page_made(session: Session, project: Project):
    phone = open_case(session, project.id, "c-1", weight="50")
    open_case(session, project.id, "c-2")
    form_id = edit(project, weight=wish("51", "50"))
    assert form_id
    for submission_id, case_id in ((phone.submission_id, "c-1"), (form_id, "c-2"), ("x", "c-1")):
        with pytest.raises(NotFound):
            take_back(project, submission_id, case_id)
    send(session, project.id, form(case_block("c-1", update={"later": "kept"})))
    assert take_back(project, form_id)
    assert take_back(project, form_id) is None, "it is taken back already"
    assert now(session, project).properties == {"weight": "50", "later": "kept"}
    assert get_submission(session, project.id, form_id).state == State.ARCHIVED


def test_a_deleted_case_cannot_be_edited(session: Session, project: Project):
    only = open_case(session, project.id, "c-1")
    with write_transaction():
        archive(session, project.id, only.submission_id, by=factories.actor())
    for attempt in (lambda: edit(project, x=wish("1")), lambda: assign(project, "a", "")):
        with pytest.raises(Refused, match="deleted"):
            attempt()
    with pytest.raises(NotFound), write_transaction():
        edit_case(session, project.id, "nobody", {"x": wish("1")}, by=factories.actor())


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
wanted = st.dictionaries(
    st.sampled_from(["x", "y", "new", "case_name", "external_id"]), texts, max_size=5
)


@settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(values=wanted, owner=st.sampled_from(["owner-1", "owner-2"]))
def test_an_edit_that_is_undone_leaves_the_case_as_it_was(
    app: Flask,
    session: Session,
    tmp_path_factory: pytest.TempPathFactory,
    values: dict[str, str],
    owner: str,
):
    """And after each step a rebuild changes nothing."""
    project = factories.project()
    open_case(session, project.id, "c-1", x="1", y="")
    before = picture(session, project.id)["cases"]
    known = {"x": "1", "y": "", "case_name": "Case c-1"}
    try:
        edited = edit(project, **{n: wish(v, known.get(n)) for n, v in values.items()})
    except InvalidValues:  # a character that XML cannot carry
        edited = None
    else:
        case = now(session, project)
        has = {**case.properties, "case_name": case.name, "external_id": case.external_id}
        for name, value in values.items():
            assert has.get(name, "") == value.replace("\r\n", "\n").replace("\r", "\n")
    assigned = assign(project, owner)
    for form_id in (edited, assigned):
        as_it_is(session, project, tmp_path_factory.mktemp("files"))
        if form_id:
            assert take_back(project, form_id)
    as_it_is(session, project, tmp_path_factory.mktemp("files"))
    assert picture(session, project.id)["cases"] == before


def as_it_is(session: Session, project: Project, folder: Path) -> None:
    session.rollback()
    assert list(verify(session, project.id, attachments=folder)) == []
    there = picture(session, project.id, ticks=True)
    with write_transaction():
        assert rebuild(session, project.id, [get_case(session, project.id, "c-1").id]) == 0
    assert picture(session, project.id, ticks=True) == there
