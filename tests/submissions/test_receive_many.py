"""Many forms at once leave what they would have left one by one."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import WORKER, XMLNS, case_block, form
from tests.history.statements import counted
from tests.rules.leftovers import same_but_for_keys
from tests.submissions.sharing_types import share
from webapp.clock import DAY, SECOND, now, pretend
from webapp.database import write_transaction
from webapp.dictionary.models import Sharing
from webapp.people.kinds import UserKind
from webapp.submissions.models import State, Submission
from webapp.submissions.receive import Arrival, Sender, read, receive
from webapp.submissions.receive_many import Timed, receive_many
from webapp.submissions.verify import verify

TYPES = ("patient", "patient", "patient", "visit")
CASES = ("mother", "child/1", "child/2", "referral", "zebra", "aunt")


def random_forms(random: Random, count: int) -> Iterator[bytes]:
    """Forms about a few cases, of which some repeat or edit others, or cannot be applied."""
    sent: list[bytes] = []
    for number in range(count):
        if sent and random.random() < 0.1:
            yield random.choice(sent)
            continue
        if random.random() < 0.05:
            yield b"<data xmlns='x'><cut"
            continue
        sent.append(_random_form(random, number))
        yield sent[-1]


def _random_form(random: Random, number: int) -> bytes:
    blocks = []
    for case_id in random.sample(CASES, random.choice((0, 1, 1, 2, 3))):
        target = random.choice(("", "nobody", *CASES))
        blocks.append(
            case_block(
                case_id,
                create=random.choice(
                    (None, {"case_type": random.choice(TYPES), "case_name": case_id})
                ),
                update={"visits": str(number), random.choice("abc"): random.choice(("", "é"))},
                index=random.choice((None, None, {"parent": ("patient", target)})),
                close=random.random() < 0.1,
                date_modified=random.choice(("2025-01-01", "2025-06-01T10:00:00+03", None, "soon")),
                user_id=random.choice(("worker-1", "worker-1", "somebody", None)),
            )
        )
    return form(
        *blocks,
        instance_id=f"form-{random.randrange(number, number + 5)}",
        xmlns=random.choice((XMLNS, XMLNS, XMLNS, "http://openrosa.org/formdesigner/other")),
    )


@pytest.mark.usefixtures("stopped_clock")
@pytest.mark.parametrize("seed", range(4))
def test_many_at_once_leave_what_one_by_one_leaves(app: Flask, session: Session, seed: int):
    random = Random(seed)
    began = now() - 600 * DAY
    forms = [
        Timed(began + number * SECOND, Arrival(read(xml), WORKER, app_id=str(number % 2)))
        for number, xml in enumerate(random_forms(random, 60))
    ]
    apart, together = factories.project(), factories.project()
    for project in (apart, together):  # forms of somebody else that open visits fail
        share(project, "owner-1", visit=Sharing.SHARED)
    for timed in forms:
        with pretend(timed.at), write_transaction() as write:
            receive(write, apart.id, timed.arrival)
    rest = forms
    while rest:
        size = random.choice((1, 5, 40))
        with write_transaction() as write:
            receive_many(write, together.id, rest[:size])
        rest = rest[size:]
    same_but_for_keys(session, apart, together)
    states = session.scalars(select(Submission.state).where(Submission.project_id == apart.id))
    assert set(states) == set(State) - {State.ARCHIVED}
    places = [
        session.execute(
            select(Submission.received_on, Submission.submission_id)
            .where(Submission.project_id == project.id, Submission.state == State.NORMAL)
            .order_by(Submission.received_on)
        ).all()
        for project in (apart, together)
    ]
    ids = [[row.submission_id for row in found] for found in places]
    given = [[one for one in found if one.startswith("form-")] for found in ids]
    assert given[0] == given[1]
    assert all(0 <= row.received_on - began < 60 * SECOND for row in places[1])
    folder = app.extensions["settings"].attachments
    assert not list(verify(session, together.id, attachments=folder))


def test_hundreds_of_forms_take_few_statements(app: Flask, session: Session):
    project = factories.project()
    forms = [
        Timed(
            now(),
            Arrival(
                read(form(case_block(f"case-{number // 3}", update={"visits": str(number)}))),
                Sender("worker-1", "worker one", UserKind.MOBILE),
            ),
        )
        for number in range(300)
    ]
    with counted(app) as found, write_transaction() as write:
        receive_many(write, project.id, forms)
    assert len(found) < 40
