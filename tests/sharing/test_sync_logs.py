"""What is kept of what phones were given, and what happens when something breaks in between
(SPEC P4, P6)."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests.factories import web_user
from tests.forms import case_block, form, send
from tests.history.statements import counted
from tests.sharing.graphs import Graph, on_phone
from tests.sharing.phone import Phone, message_of
from tests.sharing.shared import phone_of
from tests.sharing.test_scope import graphs
from webapp.audit.models import AuditEvent
from webapp.audit.record import events_about
from webapp.cases.models import Case
from webapp.clock import now, take_ticks
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.history.last_forms import last_sync
from webapp.projects.models import Project
from webapp.sharing import restore as restoring
from webapp.sharing import synclog
from webapp.sharing.held import HeldCase, Point, packed, purged, unpacked
from webapp.sharing.models import SyncLog
from webapp.sharing.restore import Asked, restore
from webapp.sharing.synclog import KEPT, tidy_sync_logs
from webapp.sharing.tokens import key_of, new_key, token_of


@pytest.fixture
def phone(client: FlaskClient, project: Project) -> Phone:
    return phone_of(client, project).sync()


def logs(session: Session, phone: Phone) -> set[str]:
    session.rollback()
    return {
        token_of(key)
        for key in session.scalars(
            select(SyncLog.id).where(
                SyncLog.project_id == phone.project.id, SyncLog.worker == phone.worker.id
            )
        )
    }


def has_work(phone: Phone) -> None:
    """Something happens, so that the next answer is another one."""
    name = f"case-{len(phone.cases)}"
    phone.does(name, create={"case_type": "patient", "case_name": "Ann"})


def test_a_phone_has_at_most_three_logs(phone: Phone, session: Session):
    for _ in range(4):
        has_work(phone)
        phone.ask()  # lost
        has_work(phone)
        before = phone.token
        phone.sync()
        # This answer may be lost as well, so what it was asked with is still there.
        assert {before, phone.token} <= logs(session, phone)
        assert len(logs(session, phone)) <= 3
    phone.sync().sync()
    assert phone.afresh == 0


def test_other_phones_of_the_worker_keep_theirs(
    phone: Phone, session: Session, client: FlaskClient, project: Project
):
    other = phone_of(client, project, phone.worker).sync()
    for _ in range(3):
        has_work(phone)
        phone.sync()
    other.sync()
    assert other.afresh == 0
    assert set(other.cases) == set(phone.cases)


def test_of_phones_that_begin_again_and_again_the_newest_stay(
    phone: Phone, session: Session, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(synclog, "PHONES", 3)
    first = phone.token
    for _ in range(4):
        phone.token = ""
        phone.sync()
    assert len(logs(session, phone)) == 3
    phone.token = first
    assert phone.ask().status_code == 412


def test_a_phone_that_syncs_again_counts_once(
    phone: Phone, client: FlaskClient, project: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(synclog, "PHONES", 3)
    others = [phone_of(client, project, phone.worker).sync() for _ in range(2)]
    for one in (*others, *others, phone, *others):
        has_work(one)
        one.sync()
    assert [one.afresh for one in (phone, *others)] == [0, 0, 0]


def test_what_web_users_look_at_is_apart(
    phone: Phone,
    session: Session,
    client: FlaskClient,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(synclog, "PHONES", 1)
    synced = last_sync(session, phone.worker)
    ann, ben = (Phone(client, project, phone.worker, web_user(project).email) for _ in range(2))
    ann.sync()
    ben.sync()
    has_work(phone)
    assert last_sync(session, phone.worker) == synced
    phone.sync()
    for one in (ann, ben):
        one.sync()
        assert set(one.cases) == set(phone.cases)
    assert [one.afresh for one in (phone, ann, ben)] == [0, 0, 0]
    assert last_sync(session, phone.worker) != synced
    # Whoever took a worker's cases stands in the audit log, also where an answer is given again.
    ann.ask()
    ann.ask()
    session.rollback()
    about = events_about(project.id, f"worker:{phone.worker.username}")
    taken = session.scalars(about.where(AuditEvent.actor == ann.web_user)).all()
    assert [event.after and event.after["cases"] for event in taken] == [0, 0, 1, 0]


def test_a_phone_that_has_not_asked_for_long_starts_afresh(phone: Phone, session: Session):
    tidy_sync_logs(now() + KEPT - 3_600_000_000)
    assert phone.token in logs(session, phone)
    tidy_sync_logs(now() + KEPT + 3_600_000_000)
    assert logs(session, phone) == set()
    phone.sync()
    assert phone.afresh == 1


def test_an_answer_that_could_not_be_noted_was_never_given(
    phone: Phone, session: Session, monkeypatch: pytest.MonkeyPatch
):
    has_work(phone)
    before = logs(session, phone)

    def fails(*_: object, **__: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    monkeypatch.setattr(restoring, "keep", fails)
    answer = phone.ask()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert message_of(answer)[0] == "ota_restore_error"
    assert logs(session, phone) == before
    monkeypatch.undo()
    phone.sync()
    assert phone.afresh == 0


def test_nobody_gets_half_a_document(phone: Phone, monkeypatch: pytest.MonkeyPatch):
    has_work(phone)
    phone.token = ""

    def fails(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, Exception("database is locked"))

    monkeypatch.setattr(restoring.document, "changed_cases", fails)
    assert phone.ask().status_code == 503


def test_what_happens_while_the_document_is_written_comes_next_time(
    app: Flask, phone: Phone, session: Session, monkeypatch: pytest.MonkeyPatch
):
    """All of a document is of one moment."""
    for case_id in ("ann", "ben"):
        phone.does(case_id, create={"case_type": "patient", "case_name": case_id})
    write = restoring.document.new_cases

    def meanwhile() -> None:
        with app.app_context():
            blocks = [
                case_block(one, update={"late": "yes"}, close=one == "ben")
                for one in ("ann", "ben")
            ]
            new = case_block("cat", create={"owner_id": phone.worker.user_id})
            send(db.session(), phone.project.id, form(*blocks, new))

    def written(*what: Any) -> Iterator[str]:
        somebody = threading.Thread(target=meanwhile)
        somebody.start()
        somebody.join()
        yield from write(*what)

    monkeypatch.setattr(restoring.document, "new_cases", written)
    phone.token, phone.cases = "", {}
    phone.sync()
    assert {one: case.properties.get("late") for one, case in phone.cases.items()} == {
        "ann": None,
        "ben": None,
    }
    monkeypatch.undo()
    phone.sync()
    assert (phone.created, set(phone.updated)) == (["cat"], {"ann", "ben"})
    assert phone.cases["ben"].closed


def test_tokens_are_read_back_and_nothing_else_is():
    for key in (0, 1, 2**63 - 1, new_key()):
        assert key_of(token_of(key)) == key
    assert len({new_key() for _ in range(100)}) == 100
    for other in ("", "1", "8" + "0" * 15, "G" * 16, "0" * 17, "0" * 16 + "\n", "é" * 16):
        assert key_of(other) is None


@given(graph=graphs)
def test_what_stays_on_a_phone_is_what_the_reference_says(graph: Graph):
    """Of a phone's cases, deleted ones stand for those that it lacks: what points to them goes."""
    keys = {name: place for place, name in enumerate(graph)}
    there = {
        keys[name]: HeldCase(
            node.owner,
            node.closed,
            tuple(
                (str(number), Point(keys[target], how == "extension"))
                for number, (target, how) in enumerate(node.points)
            ),
        )
        for name, node in graph.items()
        if not node.deleted
    }
    left = {name: node for name, node in graph.items() if not node.deleted}
    while lost := {
        name for name, node in left.items() if any(to not in left for to, _ in node.points)
    }:
        left = {name: node for name, node in left.items() if name not in lost}
    owners = {"worker", "group"}
    assert purged(there, owners) == {keys[name] for name in on_phone(left, owners)}


def test_what_a_phone_holds_is_kept_as_it_is():
    cases = {
        7: HeldCase("amina", closed=False),
        8: HeldCase(
            "", closed=True, points=(("host", Point(7, True)), ("parent", Point(9, False)))
        ),
        2**40: HeldCase("zawadi", closed=False, points=(("é", Point(2**50, False)),)),
    }
    assert unpacked(packed(cases)) == cases
    assert unpacked(packed({})) == {}
    many = {key: HeldCase(f"owner-{key % 4}", closed=False) for key in range(900_000, 905_000)}
    assert len(packed(many)) < 10_000


def fill(session: Session, phone: Phone, cases: int, size: int) -> None:
    """So many more cases for the phone, each with a property of that size."""
    with write_transaction():
        first = take_ticks(session, phone.project.id, cases)
        session.connection().execute(
            insert(Case),
            [
                {
                    "project_id": phone.project.id,
                    "case_id": f"c-{first + number}",
                    "type": "patient",
                    "name": "Ann",
                    "owner_id": phone.worker.user_id,
                    "deleted": False,
                    "opened_on": first,
                    "modified_on": first,
                    "indexed_on": first + number,
                    "properties": {"note": "x" * size},
                }
                for number in range(cases)
            ],
        )


def restored(session: Session, phone: Phone) -> None:
    class Nowhere(BytesIO):
        def write(self, piece: object) -> int:
            return len(piece)  # type: ignore[arg-type]

    restore(session, phone.project.name, phone.worker.id, Asked(), Nowhere())


def test_memory_does_not_grow_with_the_cases(phone: Phone, session: Session):
    size, peaks = 4_000, []
    for cases in (300, 1_500):
        fill(session, phone, cases, size)
        restored(session, phone)
        tracemalloc.start()
        restored(session, phone)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 1,500 cases more are 6 MB of XML.
    assert peaks[1] - peaks[0] < 1_500 * size / 4


def test_so_many_statements_for_any_number_of_cases(app: Flask, phone: Phone, session: Session):
    asked = []
    for cases in (1, 200):
        fill(session, phone, cases, 10)
        with counted(app) as statements:
            restored(session, phone)
        asked.append(len(statements))
        (_one,) = (text for text in statements if "WITH RECURSIVE chosen" in " ".join(text.split()))
    assert asked[0] == asked[1] <= 17
