"""`verify` finds whatever is broken by hand, and says nothing of what is sound (SPEC L3)."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from flask import Flask, current_app
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session

from tests.factories import actor
from tests.forms import XMLNS, case_block, form, new_id, open_case, send
from webapp.cases.models import CaseTransaction
from webapp.cases.queries import get_case
from webapp.clock import last_tick
from webapp.config import Settings
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.submissions import verify as verify_module
from webapp.submissions import verify_content
from webapp.submissions.archive import archive, restore
from webapp.submissions.attachments import keep, path_of
from webapp.submissions.findings import Finding
from webapp.submissions.receive import Arrival, Outcome, Sender, read, receive
from webapp.submissions.reprocess import reprocess
from webapp.submissions.verify import things_to_verify, verify


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_module, "BATCH", 2)
    monkeypatch.setattr(verify_content, "BATCH", 2)
    monkeypatch.setattr(verify_content, "BYTES", 1000)


def look(session: Session, project: Project) -> list[Finding]:
    folder = attachments()
    return list(verify(session, project.id, attachments=folder))


def sentences(session: Session, project: Project) -> str:
    return "\n".join(finding.sentence for finding in look(session, project))


def attachments() -> Any:
    settings: Settings = current_app.extensions["settings"]
    return settings.attachments


def damage(statement: str, **values: Any) -> None:
    """Run a statement past all of Casekeeper, and past the database's foreign keys."""
    db.session.rollback()
    engine = db.engine
    if engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(str(engine.url.database))) as connection:
            connection.execute(statement, values)
            connection.commit()
        return
    other = create_engine(engine.url)
    with other.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement), values)
    other.dispose()


@pytest.fixture
def history(session: Session, project: Project) -> dict[str, str]:
    """A project with something of everything; returns the ids of its forms."""
    ids: dict[str, str] = {}
    ids["open"] = open_case(session, project.id, "mother", village="Kisumu").submission_id
    child = form(
        case_block(
            "child/1",
            create={"case_type": "child", "case_name": "é"},
            update={"weight": "3.2 "},
            index={"parent": ("patient", "mother")},
        ),
        case_block("mother", update={"children": "1"}, date_modified=None),
    )
    ids["child"] = send(session, project.id, child).submission_id
    ids["duplicate"] = new_id()
    assert send(session, project.id, child).outcome is Outcome.DUPLICATE
    edited = new_id()
    send(session, project.id, form(case_block("mother", update={"a": "1"}), instance_id=edited))
    edit = form(case_block("mother", update={"a": "2"}), instance_id=edited)
    assert send(session, project.id, edit).outcome is Outcome.EDITED
    ids["edited"] = edited
    ids["close"] = send(session, project.id, form(case_block("mother", close=True))).submission_id
    lost = form(case_block("later", index={"parent": ("patient", "unknown")}))
    ids["error"] = send(session, project.id, lost).submission_id
    ids["unparsed"] = send(session, project.id, b"no form").submission_id
    ids["without cases"] = send(session, project.id, form()).submission_id
    kept = keep(attachments(), io.BytesIO(b"a photo"), name="photo.jpg", content_type="image/jpeg")
    arrival = Arrival(
        read(form(case_block("photo", user_id=None))), Sender("u", "u"), attachments=(kept,)
    )
    with write_transaction():
        ids["photo"] = receive(session, project.id, arrival).submission_id
    ids["sha256"] = kept.sha256
    return ids


def test_a_sound_project_has_no_findings(
    session: Session, project: Project, history: dict[str, str]
) -> None:
    assert look(session, project) == []


def test_an_empty_project_has_no_findings(session: Session, project: Project) -> None:
    assert look(session, project) == []


def test_archive_restore_and_reprocess_leave_it_sound(
    session: Session, project: Project, history: dict[str, str]
) -> None:
    with write_transaction():
        archive(session, project.id, history["close"], by=actor())
    assert look(session, project) == []
    with write_transaction():
        archive(session, project.id, history["edited"], by=actor())
    assert look(session, project) == []
    with write_transaction():
        restore(session, project.id, history["close"], by=actor())
    assert look(session, project) == []
    open_case(session, project.id, "unknown")
    with write_transaction():
        assert reprocess(session, project.id, history["error"], by=actor()) is None
    assert look(session, project) == []


def test_it_counts_its_progress(
    session: Session, project: Project, history: dict[str, str]
) -> None:
    steps: list[int] = []
    list(verify(session, project.id, attachments=attachments(), progress=steps.append))
    assert sum(steps) == things_to_verify(session, project.id)


def test_another_project_is_not_looked_at(
    session: Session, project: Project, history: dict[str, str]
) -> None:
    from tests.factories import project as make_project

    other = make_project()
    open_case(session, other.id, "mother")
    damage("UPDATE cases SET name = 'x' WHERE project_id = :p", p=project.id)
    assert look(session, other) == []


CASE = "WHERE project_id = :p AND case_id = 'mother'"
FORM = "WHERE project_id = :p AND submission_id = :id"
IN_FORM = (
    "WHERE project_id = :p AND submission ="
    " (SELECT id FROM submission WHERE project_id = :p AND submission_id = :id)"
)


@pytest.mark.parametrize(
    ("statement", "which", "says"),
    [
        (f"UPDATE cases SET name = 'Other' {CASE}", "", "mother is not what its live forms make"),
        (f"UPDATE cases SET closed = false {CASE}", "", "make of it: closed."),
        (f"UPDATE cases SET deleted = true {CASE}", "", "make of it: deleted."),
        (f"UPDATE cases SET properties = '{{}}' {CASE}", "", "property “village”"),
        (f"UPDATE cases SET indexed_on = NULL {CASE}", "", "Case mother has no tick."),
        (f"UPDATE cases SET indexed_on = indexed_on + 90000000 {CASE}", "", "not given out yet"),
        (f"UPDATE cases SET indexed_on = 5 {CASE}", "", "a tick from before its last form"),
        ("DELETE FROM case_index WHERE project_id = :p", "", "make of it: index “parent”."),
        (
            "UPDATE case_index SET target = 99999999 WHERE project_id = :p",
            "",
            "The index “parent” of case child/1 points to a case that has no row.",
        ),
        ('UPDATE case_index SET "case" = 99999999 WHERE project_id = :p', "", "belongs to no case"),
        (f"UPDATE case_transaction SET before = '{{}}' {IN_FORM}", "close", "from before in its"),
        (f"UPDATE case_transaction SET before = NULL {IN_FORM}", "close", "from before in its"),
        (f"DELETE FROM case_transaction {IN_FORM}", "close", "has no transaction for case mother"),
        (
            f"UPDATE case_transaction SET submission = 99999999 {IN_FORM}",
            "close",
            "belongs to no form",
        ),
        (
            f'UPDATE case_transaction SET "case" = 99999999 {IN_FORM}',
            "close",
            "touches a case that has no row",
        ),
        (
            (
                f"UPDATE case_transaction SET submission = (SELECT id FROM submission {FORM}) WHERE"
                " project_id = :p AND submission = (SELECT max(submission) FROM case_transaction"
                " WHERE project_id = :p)"
            ),
            "error",
            "is error, but has a transaction.",
        ),
        (
            (
                f"UPDATE case_transaction SET submission = (SELECT id FROM submission {FORM}) WHERE"
                " project_id = :p AND submission = (SELECT max(submission) FROM case_transaction"
                " WHERE project_id = :p)"
            ),
            "without cases",
            "has transactions for cases that it does not name.",
        ),
        (f"UPDATE submission SET state = 'error' {FORM}", "close", "is error, but has a trans"),
        (f"UPDATE submission SET state = 'error' {FORM}", "close", "does not say why"),
        (
            f"UPDATE submission SET state = 'archived' {FORM}",
            "close",
            "make of it: closed, closed_on",
        ),
        (f"UPDATE submission SET state = 'normal' {FORM}", "unparsed", "cannot be read as a form"),
        (f"UPDATE submission SET problem = 'Odd.' {FORM}", "close", "is normal, but has a problem"),
        (f"UPDATE submission SET user_id = 'thief' {FORM}", "photo", "asks something else"),
        (
            f"UPDATE submission SET received_on = received_on + 90000000 {FORM}",
            "close",
            "not given out yet",
        ),
        (f"UPDATE submission SET received_on = 7 {FORM}", "close", "asks something else of case"),
        (f"UPDATE submission SET indexed_on = 7 {FORM}", "close", "changed last before it came"),
        (f"UPDATE submission SET edited_on = 7 {FORM}", "edited", "came before what it replaces"),
        (f"UPDATE submission SET of = id {FORM}", "close", "is normal, but points to another form"),
        (
            "UPDATE submission SET of = NULL WHERE project_id = :p AND state = 'duplicate'",
            "",
            "is duplicate, but does not say of which form",
        ),
        (
            "UPDATE submission SET of = NULL WHERE project_id = :p AND state = 'deprecated'",
            "",
            "is deprecated, but does not say of which form",
        ),
        (
            "UPDATE submission SET of = 99999999 WHERE project_id = :p AND state = 'duplicate'",
            "",
            "is duplicate of what cannot be the other form",
        ),
        (
            "UPDATE submission SET of = id WHERE project_id = :p AND state = 'deprecated'",
            "",
            "is deprecated of what cannot be the other form",
        ),
        (
            (
                f"UPDATE submission SET of = (SELECT id FROM submission {FORM})"
                " WHERE project_id = :p AND state = 'duplicate'"
            ),
            "close",
            "is a duplicate, but not of the same bytes",
        ),
        (f"DELETE FROM submission_xml {IN_FORM}", "close", "has no stored XML"),
        (f"UPDATE submission_xml SET sha256 = 'x' {IN_FORM}", "close", "is not stored as it came"),
        (f"DELETE FROM submission {FORM}", "without cases", "The stored XML"),
        ("DELETE FROM cases WHERE project_id = :p AND case_id = 'photo'", "", "has no row"),
        ("DELETE FROM tick WHERE project_id = :p", "", "The project has no tick"),
        ("UPDATE tick SET last = 1 WHERE project_id = :p", "", "has not given out yet"),
        ("UPDATE attachment SET size = 1 WHERE project_id = :p", "", "has another size than is"),
        (
            "UPDATE attachment SET sha256 = 'feed' WHERE project_id = :p",
            "",
            "The attachment “photo.jpg” of the form",
        ),
        (
            "UPDATE attachment SET submission = 99999999 WHERE project_id = :p",
            "",
            "belongs to no form",
        ),
    ],
)
def test_it_finds_what_is_broken(  # noqa: PLR0917  # fixtures, and the table's columns
    session: Session,
    project: Project,
    history: dict[str, str],
    statement: str,
    which: str,
    says: str,
) -> None:
    values = {"p": project.id}
    damage(statement, **values | ({"id": history[which]} if which else {}))
    assert says in sentences(session, project)


def test_it_finds_an_owner_who_does_not_follow_from_the_form(
    session: Session, project: Project
) -> None:
    open_case(session, project.id, "theirs")
    send(session, project.id, form(case_block("mine", create={"case_type": "patient"})))
    with write_transaction():
        case = get_case(session, project.id, "mine")
        touch = session.scalars(
            select(CaseTransaction).where(CaseTransaction.case == case.id)
        ).one()
        touch.change = {**touch.change, "owner_if_new": "thief"}
        case.owner_id = "thief"
    (found,) = look(session, project)
    assert "asks something else of case mine than its transaction says" in found.sentence


def test_it_compares_the_bytes_that_came_with_what_was_done(
    session: Session, project: Project, history: dict[str, str]
) -> None:
    import hashlib

    other = form(case_block("mother", update={"village": "Elsewhere"}), xmlns=XMLNS)
    damage(
        f"UPDATE submission_xml SET content = :xml, sha256 = :sha256 {IN_FORM}",
        p=project.id,
        id=history["close"],
        xml=other,
        sha256=hashlib.sha256(other).hexdigest(),
    )
    assert "asks something else of case mother" in sentences(session, project)


@pytest.mark.parametrize("content", [None, b"another photo"])
def test_it_reads_the_attachments(
    session: Session, project: Project, content: bytes | None
) -> None:
    photo = new_id().encode()
    kept = keep(attachments(), io.BytesIO(photo), name="p.jpg", content_type="image/jpeg")
    arrival = Arrival(read(form()), attachments=(kept,))
    with write_transaction():
        identity = receive(session, project.id, arrival).submission_id
    place = path_of(attachments(), kept.sha256)
    if content is None:
        place.unlink()
    else:
        place.write_bytes(content)
    (finding,) = look(session, project)
    assert finding.id == identity
    assert finding.sentence.endswith("is not in the store, or is not what came.")


def test_it_mends_and_moves_nothing(
    session: Session, project: Project, history: dict[str, str]
) -> None:
    damage(f"UPDATE cases SET name = 'Other' {CASE}", p=project.id)
    before = last_tick(session, project.id)
    first = look(session, project)
    assert first
    assert look(session, project) == first
    assert last_tick(session, project.id) == before


def test_findings_tell_nothing_about_persons(
    session: Session, project: Project, history: dict[str, str], app: Flask
) -> None:
    damage(f"UPDATE cases SET name = 'Amina Yusuf' {CASE}", p=project.id)
    assert "Amina" not in sentences(session, project)
