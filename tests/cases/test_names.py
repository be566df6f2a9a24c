"""Cases are found by a part of their name, and the index of names follows whatever writes one
(SPEC U5)."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, open_case, send
from tests.rules.running import done, equals, rule_that
from webapp.cases.models import Case
from webapp.cases.names import named
from webapp.database import write_transaction
from webapp.jobs import tasks
from webapp.projects.models import Project
from webapp.rules.definition import Set
from webapp.rules.references import parse_reference
from webapp.rules.undo import start_undo
from webapp.submissions.archive import archive, restore

NAMES = (
    *("Amina Otieno", 'Ann "Bee" O\'Neil', "50%_done", "back\\slash", "ab", "", " "),
    *("Zoë ÅNGSTRÖM", "नमस्ते दुनिया", "a-b-c", "NEAR amina", "amina AND otieno", "x" * 255),
)
TEXTS = (
    *("amina", "MINA", "o'n", '"bee"', '"', "%_d", "50%", "_", "k\\s", "ab", "b", "   "),
    *("ngstr", "ÅNGSTRÖM", "zoë", "मस्ते", "-b-", "NEAR", "AND", "x" * 255, "x" * 256, "none such"),
)


def found(session: Session, project_id: int, wanted: str) -> set[str]:
    keys = named(project_id, wanted)
    return set(session.scalars(select(Case.name).where(Case.id.in_(keys))))


def test_any_part_of_a_name_finds_it_as_it_stands(session: Session, project: Project):
    for number, name in enumerate(NAMES):
        send(session, project.id, form(case_block(f"c-{number}", create={"case_name": name})))
    other = factories.project()
    send(session, other.id, form(case_block("c", create={"case_name": "Amina Otieno"})))
    for wanted in TEXTS:
        reference = {name for name in NAMES if wanted.lower() in name.lower()}
        assert found(session, project.id, wanted) == reference, wanted
    assert found(session, other.id, "amina") == {"Amina Otieno"}


def test_the_index_follows_whatever_writes_a_name(session: Session, project: Project):
    def names(wanted: str) -> int:
        session.rollback()
        return len(session.scalars(named(project.id, wanted)).all())

    by = factories.actor()
    first = open_case(session, project.id, "c-0", case_name="first", status="stale")
    open_case(session, project.id, "c-1", case_name="first", status="stale")
    late = send(session, project.id, form(case_block("c-0", update={"case_name": "second"})))
    assert (names("first"), names("second")) == (1, 1)
    with write_transaction():
        archive(session, project.id, late.submission_id, by=by)
    assert (names("first"), names("second")) == (2, 0)
    with write_transaction():
        restore(session, project.id, late.submission_id, by=by)
    assert (names("first"), names("second")) == (1, 1)
    renames = rule_that(Set(parse_reference("name"), "third"), where=equals("status", "stale"))
    run = done(project, renames)
    assert (names("first"), names("second"), names("third")) == (0, 0, 2)
    with write_transaction():
        job = start_undo(session, project.id, run.id, by=by).id
    tasks.work(job)
    assert (names("first"), names("second"), names("third")) == (1, 1, 0)
    with write_transaction():
        archive(session, project.id, late.submission_id, by=by)
        archive(session, project.id, first.submission_id, by=by)
    assert (names("first"), names("second")) == (1, 0), "a deleted case has no name of its own"


def test_a_part_of_three_characters_is_found_by_the_index(session: Session, project: Project):
    connection = session.connection()
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:
        session.execute(text("SET LOCAL enable_seqscan = off"))  # the table is small here
    found = named(project.id, "amina").compile(connection)
    values = found.params if not sqlite else tuple(found.construct_params(None).values())
    explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
    plan = str(connection.exec_driver_sql(f"{explain} {found}", values).all())
    session.rollback()
    assert ("VIRTUAL TABLE INDEX" if sqlite else "ix_case_name") in plan, plan
    assert "SCAN cases" not in plan
