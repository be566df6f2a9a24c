"""Holding cases: everybody in one order, however many (ADR 2)."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.forms import case_block, form, send
from webapp.cases.store import hold_cases
from webapp.database import write_transaction
from webapp.projects.models import Project

#: Two batches, by id and by key.
NAMES = [f"c{number:04}" for number in range(2000)]


def make_cases(session: Session, project: Project) -> None:
    """The last half of the cases by id is the first by key."""
    for some in (NAMES[1000:], NAMES[:1000]):
        send(session, project.id, form(*(case_block(name, create={}) for name in some)))


def test_many_cases_are_held_in_the_order_of_their_keys(session: Session, project: Project):
    make_cases(session, project)
    with write_transaction():
        held = hold_cases(session, project.id, [*NAMES, "new"])
    assert [one.case_id for one in held] == [*NAMES[1000:], *NAMES[:1000], "new"]
    assert [one.key for one in held] == sorted(one.key for one in held)


def test_those_who_hold_many_of_the_same_cases_never_wait_for_each_other(
    app: Flask, session: Session, project: Project
):
    if session.get_bind().dialect.name == "sqlite":
        return  # there, one writes at a time
    make_cases(session, project)
    project_id = project.id
    release = threading.Event()

    def hold(names: list[str], *, keep: bool = False) -> int:
        with app.app_context(), write_transaction() as mine:
            held = hold_cases(mine, project_id, names)
            if keep:
                release.wait(30)
            return len(held)

    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(hold, NAMES[1000:1001], keep=True)
        wait_for_waiting(session, 0)
        # It needs all of them and waits for that one; meanwhile another takes the ends of both.
        most = threads.submit(hold, NAMES)
        wait_for_waiting(session, 1)
        ends = threads.submit(hold, [*NAMES[:500], *NAMES[1500:]])
        time.sleep(0.3)  # it waits too, or is done
        release.set()
        assert (first.result(30), most.result(30), ends.result(30)) == (1, 2000, 1000)


def wait_for_waiting(session: Session, count: int) -> None:
    """Until as many connections wait for a lock, and the others are idle."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"
    )
    holding = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND state = 'idle in transaction' AND pid <> pg_backend_pid()"
    )
    until = time.monotonic() + 30
    while (session.scalar(waiting), session.scalar(holding)) != (count, 1):
        assert time.monotonic() < until
        session.rollback()
        time.sleep(0.02)
    session.rollback()
