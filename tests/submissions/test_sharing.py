"""Who owns a case that a form opens, by the sharing of its type (SPEC C3, C4)."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import actor, location, web_user
from tests.forms import case_block, form, send
from tests.history.statements import counted
from tests.submissions.sharing_types import put_into, share
from webapp.cases.models import Case
from webapp.cases.queries import get_case
from webapp.database import write_transaction
from webapp.dictionary.models import Sharing
from webapp.dictionary.operations import set_case_type
from webapp.errors import InvalidEntry
from webapp.people.belonging import set_locations
from webapp.people.owner_sets import WRONG_SHARING
from webapp.projects.models import Project
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import State
from webapp.submissions.queries import get_submission
from webapp.submissions.rebuild import rebuild
from webapp.submissions.receive import Outcome, Received, Sender
from webapp.submissions.reprocess import reprocess
from webapp.submissions.verify import verify

AS_FORM, SHARED, PRIVATE = Sharing
ERROR = "error"
ME = "worker-1"


def opens(owner: str | None = None, *, case_id: str = "a", user: str = ME, **said: str) -> bytes:
    """A form that opens a visit; `said` as for `form`."""
    create = {"case_type": "visit", "case_name": case_id}
    if owner is not None:
        create["owner_id"] = owner
    return form(case_block(case_id, create=create, user_id=user), user_id=user, **said)


def owner_of(session: Session, project: Project, case_id: str = "a") -> str:
    session.rollback()
    return get_case(session, project.id, case_id).owner_id


SITUATIONS = [
    # sharing, groups of the worker, owner that the form gives, owner that the case gets
    (AS_FORM, [], None, ME),
    (AS_FORM, ["owner-1"], None, ME),
    (AS_FORM, ["owner-1"], "owner-1", "owner-1"),
    (SHARED, ["owner-1"], None, "owner-1"),
    (SHARED, ["owner-1"], "", "owner-1"),
    (SHARED, ["owner-1"], ME, "owner-1"),
    (SHARED, ["owner-1"], "owner-1", "owner-1"),
    (SHARED, ["owner-1"], "owner-2", "owner-2"),
    (SHARED, [], None, ERROR),
    (SHARED, [], ME, ERROR),
    (SHARED, [], "somebody else", "somebody else"),
    (SHARED, ["owner-1", "owner-2"], None, ERROR),
    (SHARED, ["owner-1", "owner-2"], ME, ERROR),
    (SHARED, ["owner-1", "owner-2"], "owner-2", "owner-2"),
    (PRIVATE, [], None, ME),
    (PRIVATE, ["owner-1"], None, ME),
    (PRIVATE, ["owner-1"], ME, ME),
    (PRIVATE, ["owner-1"], "owner-1", ME),
    (PRIVATE, ["owner-1", "owner-2"], "owner-2", ME),
    (PRIVATE, ["owner-1"], "owner-2", "owner-2"),
    (PRIVATE, [], "somebody else", "somebody else"),
]


@pytest.mark.parametrize(("sharing", "groups", "given", "owner"), SITUATIONS)
def test_who_owns_a_new_case(  # noqa: PLR0917  # a situation has as many
    session: Session,
    project: Project,
    tmp_path: Path,
    sharing: Sharing,
    groups: list[str],
    given: str | None,
    owner: str,
):
    worker = share(project, *groups, visit=sharing)
    received = send(session, project.id, opens(given))
    if owner == ERROR:
        assert (received.outcome, received.problem) == (Outcome.ERROR, WRONG_SHARING)
        assert get_submission(session, project.id, received.submission_id).state is State.ERROR
        assert session.scalar(select(Case.id).where(Case.project_id == project.id)) is None
        return
    assert owner_of(session, project) == owner
    # What was decided stays, whatever becomes of the groups and the type, and when it comes back.
    with write_transaction():
        put_into(project, worker)
        other = PRIVATE if sharing is SHARED else SHARED
        set_case_type(session, project.id, "visit", {"sharing": other}, by=actor())
        for change in (archive, restore):
            change(session, project.id, received.submission_id, by=actor())
        assert rebuild(session, project.id, [get_case(session, project.id, "a").id]) == 0
    assert owner_of(session, project) == owner
    assert list(verify(session, project.id, attachments=tmp_path)) == []


def test_a_location_is_a_sharing_owner_like_a_group(session: Session, project: Project):
    worker, clinic = share(project, visit=SHARED), location(project)
    with write_transaction():
        set_locations(session, worker, [clinic], by=actor())
    send(session, project.id, opens())
    assert owner_of(session, project) == clinic.location_id


def test_what_a_form_says_of_a_case_that_is_there_stands(session: Session, project: Project):
    worker = share(project, "owner-1", "owner-2", visit=SHARED)
    send(session, project.id, opens("owner-1"))
    assert send(session, project.id, opens()).outcome is Outcome.PROCESSED
    assert owner_of(session, project) == "owner-1"
    with write_transaction():
        put_into(project, worker, "owner-2")
    send(session, project.id, opens(name="Again"))
    assert owner_of(session, project) == "owner-1"
    send(session, project.id, opens(ME))  # a supervisor takes it to themselves
    assert owner_of(session, project) == ME


def test_a_case_without_a_type_is_whose_the_form_says(session: Session, project: Project):
    share(project, visit=SHARED)
    send(session, project.id, form(case_block("a", update={"x": "1"})))
    assert owner_of(session, project) == ME


def test_a_form_is_processed_again_once_the_groups_are_right(session: Session, project: Project):
    worker = share(project, visit=SHARED)
    failed = send(session, project.id, opens()).submission_id
    assert try_again(session, project, failed) == WRONG_SHARING
    later = form(case_block("a", update={"seen": "yes"}))
    send(session, project.id, later)  # came after it, and opens the case meanwhile
    assert try_again(session, project, failed) == WRONG_SHARING, "it would come before that"
    with write_transaction():
        put_into(project, worker, "owner-2")
    assert try_again(session, project, failed) is None
    assert owner_of(session, project) == "owner-2"


def test_a_phone_that_sends_again_is_heard_once_the_groups_are_right(
    session: Session, project: Project
):
    worker = share(project, visit=SHARED)
    xml = opens(instance_id="one")
    for _time in range(2):
        assert send(session, project.id, xml).outcome is Outcome.ERROR
    with write_transaction():
        put_into(project, worker, "owner-1")
    assert send(session, project.id, xml) == Received(Outcome.PROCESSED, "one")
    assert owner_of(session, project) == "owner-1"


def test_an_edit_decides_nothing_anew(session: Session, project: Project):
    worker = share(project, "owner-1", visit=SHARED)
    send(session, project.id, opens(instance_id="one"))
    with write_transaction():
        put_into(project, worker)
    for again in (opens(ME, instance_id="one"), opens(instance_id="one", name="Another")):
        assert send(session, project.id, again).outcome is Outcome.EDITED
        assert owner_of(session, project) == "owner-1"
    with write_transaction():
        set_case_type(session, project.id, "visit", {"sharing": AS_FORM}, by=actor())
    assert send(session, project.id, opens(ME, instance_id="one", name="A third")).problem is None
    assert owner_of(session, project) == "owner-1"


def test_an_edit_may_name_another_owner(session: Session, project: Project):
    share(project, "owner-1", visit=SHARED)
    send(session, project.id, opens(instance_id="one"))
    send(session, project.id, opens("owner-2", instance_id="one"))
    assert owner_of(session, project) == "owner-2"


def test_an_edit_opens_shared_cases_like_a_new_form(session: Session, project: Project):
    worker = share(project, visit=SHARED)
    send(session, project.id, form(case_block("b", create={}), instance_id="one"))
    refused = send(session, project.id, opens(instance_id="one"))
    assert refused.problem == WRONG_SHARING
    assert refused.submission_id != "one"
    with write_transaction():
        put_into(project, worker, "owner-2")
    assert try_again(session, project, refused.submission_id) is None
    assert owner_of(session, project) == "owner-2"
    assert get_case(session, project.id, "b").deleted


def test_a_type_that_became_shared_leaves_edited_cases_whose_they_were(
    session: Session, project: Project
):
    share(project, visit=AS_FORM)
    send(session, project.id, opens(instance_id="one"))
    with write_transaction():
        set_case_type(session, project.id, "visit", {"sharing": SHARED}, by=actor())
    assert send(session, project.id, opens(ME, instance_id="one")).outcome is Outcome.EDITED
    assert owner_of(session, project) == ME


def test_web_users_and_strangers_name_the_owner_of_a_shared_case(
    session: Session, project: Project
):
    """They have no sharing owners, and nobody's phone would have what is theirs alone."""
    share(project, "owner-1", visit=SHARED)
    amina = web_user(project)
    for user in (amina.user_id, "stranger"):
        sender = Sender(user, user)
        failed = send(session, project.id, opens(user=user), sender=sender)
        assert failed.problem == WRONG_SHARING
        named = opens("owner-1", case_id=f"of {user}".replace(" ", "-"), user=user)
        assert send(session, project.id, named, sender=sender).outcome is Outcome.PROCESSED


def test_there_is_no_other_sharing(session: Session, project: Project):
    share(project, visit=SHARED)
    with pytest.raises(InvalidEntry, match="that are offered"), write_transaction():
        set_case_type(session, project.id, "visit", {"sharing": "theirs"}, by=actor())


def test_each_block_is_its_own_users(session: Session, project: Project):
    """A form of a stranger may carry what the worker opened."""
    share(project, "owner-1", visit=SHARED)
    create = {"case_type": "visit", "case_name": "a"}
    of_worker = case_block("a", create=create, user_id=ME)
    of_nobody = case_block("b", create=create | {"owner_id": "owner-2"}, user_id="stranger")
    send(session, project.id, form(of_worker, of_nobody, user_id="stranger"))
    owners = [owner_of(session, project, case_id) for case_id in ("a", "b")]
    assert owners == ["owner-1", "owner-2"]


def test_forms_of_other_types_ask_nothing_more(app: Flask, session: Session, project: Project):
    def statements(case_id: str) -> int:
        with counted(app) as found:
            send(session, project.id, form(case_block(case_id, create={"case_type": "patient"})))
        return len(found)

    send(session, project.id, opens("nobody", case_id="known"))
    statements("first")
    before = statements("a")
    worker = share(project, "owner-1", another=SHARED)
    assert worker.user_id == ME
    assert statements("b") == before


def try_again(session: Session, project: Project, submission_id: str) -> str | None:
    with write_transaction():
        return reprocess(session, project.id, submission_id, by=actor())
