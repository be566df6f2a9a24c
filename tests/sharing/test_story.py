"""Two workers of one group, as the help page on case sharing tells it; and what a rule does to
their phones (SPEC C3, C8, P7). Over HTTP, as apps do."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.rules.running import CLOSES, done, equals, rule_that
from tests.rules.test_undo import redone, undone
from tests.sharing.phone import Phone
from tests.sharing.shared import group_of, phone_of
from webapp.projects.models import Project

REGISTER = {"case_type": "patient", "case_name": "Ann"}


@pytest.fixture
def phones(session: Session, project: Project, client: FlaskClient) -> tuple[Phone, Phone]:
    amina, zawadi = phone_of(client, project), phone_of(client, project)
    group_of(session, project, amina.worker, zawadi.worker)
    return amina.sync(), zawadi.sync()


def test_two_workers_of_one_group(phones: tuple[Phone, Phone]):
    amina, zawadi = phones
    (group,) = amina.owners & zawadi.owners
    # One registers; the other sees it after a synchronization.
    amina.does("ann", create={**REGISTER, "owner_id": group}, update={"village": "Kisumu"})
    assert "ann" not in zawadi.cases
    zawadi.sync()
    assert zawadi.cases["ann"].properties["village"] == "Kisumu"
    # What Amina keeps to herself, Zawadi never sees.
    amina.does("own", create=REGISTER)
    # Both change it offline, each another property; both changes are there.
    hers = amina.fill_in("ann", update={"weight": "61", "seen_by": "amina"})
    theirs = zawadi.fill_in("ann", update={"fever": "no", "seen_by": "zawadi"})
    zawadi.send(theirs)
    amina.send(hers)
    for phone in phones:
        phone.sync()
        known = phone.cases["ann"].properties
        # Of what both changed, the last that was received stands.
        assert (known["weight"], known["fever"], known["seen_by"]) == ("61", "no", "amina")
    # One closes it; it leaves both phones.
    zawadi.does("ann", close=True)
    zawadi.sync()
    assert "ann" not in zawadi.cases
    amina.sync().purge()
    assert set(amina.cases) == {"own"}
    zawadi.sync()
    assert zawadi.cases == {}
    assert (amina.afresh, zawadi.afresh) == (0, 0)


def test_a_change_of_what_the_other_has_closed_leaves_it_closed(phones: tuple[Phone, Phone]):
    amina, zawadi = phones
    (group,) = amina.owners & zawadi.owners
    amina.does("ann", create={**REGISTER, "owner_id": group})
    zawadi.sync()
    late = zawadi.fill_in("ann", update={"weight": "62"})
    amina.does("ann", close=True)
    zawadi.send(late)
    for phone in phones:
        phone.sync().sync()
        assert phone.cases == {}


def test_the_rule_empties_the_phones_and_its_undo_fills_them(
    session: Session, project: Project, phones: tuple[Phone, Phone]
):
    amina, zawadi = phones
    (group,) = amina.owners & zawadi.owners
    for number in range(5):
        status = "stale" if number else "new"
        amina.does(f"p-{number}", create={**REGISTER, "owner_id": group}, update={"status": status})
    zawadi.sync()
    all_of_them = {f"p-{number}" for number in range(5)}
    assert set(zawadi.cases) == all_of_them
    run = done(project, rule_that(CLOSES, where=equals("status", "stale")))
    for phone in phones:
        phone.sync().purge()
        assert set(phone.cases) == {"p-0"}
    undone(session, run)
    for phone in phones:
        phone.sync().purge()
        assert set(phone.cases) == all_of_them
        assert len(phone.created) == 4
    redone(session, run)
    for phone in phones:
        phone.sync().sync()
        assert set(phone.cases) == {"p-0"}
        assert phone.afresh == 0
