"""Receiving a form: kept whatever it is, and applied if it can be (SPEC S2–S10)."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import Micros, take_ticks
from webapp.database import lock_name
from webapp.dictionary.learn import learn_form
from webapp.people.kinds import UserKind, Whose, whose
from webapp.submissions.apply_form import apply_edit, apply_last
from webapp.submissions.at_once import fits, write_at_once
from webapp.submissions.attachments import Kept
from webapp.submissions.blocks import Problem
from webapp.submissions.ids import new_id
from webapp.submissions.models import Attachment, State, Submission, SubmissionXml
from webapp.submissions.parse import NotAForm, ParsedForm, parse, parse_time
from webapp.submissions.place import Place, find_place
from webapp.submissions.resolve import form_user, known_targets, missing_target, types_named
from webapp.submissions.sharing import new_owners


@dataclass(frozen=True, slots=True)
class Sender:
    """The account that sent a form; all empty when it came without one (SPEC S2).

    `kind` is given by whoever has just looked the account up, and saves looking again.
    """

    user_id: str = ""
    username: str = ""
    kind: UserKind | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A form as it came, read but not stored: `form`, or the `problem` why it is none."""

    xml: bytes
    sha256: str
    form: ParsedForm | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A form at the door: what came, from whom, for which application, with which files.

    `own` marks what the server itself wrote: nobody can edit it from outside.
    """

    incoming: Incoming
    sender: Sender = Sender()
    app_id: str = ""
    attachments: Sequence[Kept] = ()
    own: bool = False
    #: What the phone says that it had last received (`Submission.sync_log`).
    sync_log: int | None = None


class Outcome(StrEnum):
    """What became of a form."""

    PROCESSED = "processed"
    EDITED = "edited"
    DUPLICATE = "duplicate"
    ERROR = "error"
    UNPARSED = "unparsed"


@dataclass(frozen=True, slots=True)
class Received:
    """The answer to a sender: what became of the form, its id, and why where it failed."""

    outcome: Outcome
    submission_id: str
    problem: str | None = None


def read(xml: bytes) -> Incoming:
    """Parse the bytes of a form. Never raises, and wants no database: do it before the
    transaction."""
    sha256 = hashlib.sha256(xml).hexdigest()
    try:
        return Incoming(xml, sha256, parse(xml), None)
    except NotAForm as error:
        return Incoming(xml, sha256, None, error.message)


def receive(session: Session, project_id: int, arrival: Arrival, *, last: bool = False) -> Received:
    """Store a form and apply it to its cases, or store why it could not be (SPEC S5).

    Raises only what the database raises: nothing about the form itself is an exception. With `last`
    the caller does nothing more in this transaction, so that the form may be written together with
    its commit. About ten statements for a form with one case, on PostgreSQL then five.
    """
    form = arrival.incoming.form
    if form is None:
        return _keep_unparsed(session, project_id, arrival)
    asked_id = form.meta.instance_id
    if asked_id is not None:
        lock_name(session, "submission", project_id, asked_id)
    sha256 = arrival.incoming.sha256
    place = find_place(
        session, project_id, asked_id, xmlns=form.xmlns, sha256=sha256, types=types_named(form)
    )
    row = row_of(session, project_id, form, arrival)
    learn_form(session, project_id, app_id=row.app_id, xmlns=row.xmlns, name=row.name)
    if place.repeats is not None:
        _keep_duplicate(session, row, place, place.repeats, arrival)
        return Received(Outcome.DUPLICATE, place.repeats.submission_id)
    targets = known_targets(session, project_id, form)
    problem = form.problem or missing_target(form, targets)
    if problem is not None:
        return _keep_error(session, row, place, problem, arrival)
    try:
        owners = _owners(session, row, form, place)
    except Problem as error:
        return _keep_error(session, row, place, error.message, arrival)
    row.state = State.NORMAL
    if place.replaces is not None:
        apply_edit(session, row, form, targets, owners, replaces=place.replaces)
        _note_edit(session, row, place.replaces, arrival.sender)
        outcome = Outcome.EDITED
    else:
        row.submission_id, row.asked_id = place.submission_id, place.given_instead_of
        if last and place.sets_aside is None and not arrival.attachments and fits(session, form):
            xml = arrival.incoming.xml
            write_at_once(session, row, form, targets, owners, xml=xml, sha256=sha256)
            return Received(Outcome.PROCESSED, row.submission_id)
        if place.sets_aside is not None:
            _set_aside(session, place.sets_aside)
        apply_last(session, row, form, targets, owners)
        outcome = Outcome.PROCESSED
    _keep_content(session, row, arrival)
    if place.sets_aside is not None:
        _point_to(session, place.sets_aside, row)
    return Received(outcome, row.submission_id)


def _owners(session: Session, row: Submission, form: ParsedForm, place: Place) -> Mapping[str, str]:
    older = place.replaces
    if not place.sharing and older is None:
        return {}
    return new_owners(
        session,
        row.project_id,
        form,
        place.sharing,
        user=row.user_id,
        place=older.received_on if older else None,
        replaces=older,
    )


def _note_edit(session: Session, row: Submission, older: Submission, sender: Sender) -> None:
    record(
        session,
        project_id=row.project_id,
        tag=Tag.SUBMISSION_EDIT,
        subject=f"submission:{row.submission_id}",
        by=Actor(sender.user_id, sender.username, "receiver"),
        after={"older": older.submission_id},
    )


def row_of(session: Session, project_id: int, form: ParsedForm, arrival: Arrival) -> Submission:
    """The row of a form that could be read, still without id, state and place. At most one query,
    and none where the sender of it is known."""
    sender, meta = arrival.sender, form.meta
    user_id = form_user(form, sender.user_id)
    user = _whose(session, project_id, user_id, meta.username or "", arrival)
    return Submission(
        project_id=project_id,
        xmlns=form.xmlns[:255],
        name=(form.name or "")[:255],
        app_id=arrival.app_id[:255],
        app_version=_fit(meta.app_version),
        device_id=_fit(meta.device_id),
        time_start=_time(meta.time_start),
        time_end=_time(meta.time_end),
        user_id=user_id[:255],
        username=user.username[:255],
        user_kind=user.kind,
        sent_by=sender.username[:255],
        own=arrival.own,
        sync_log=arrival.sync_log,
    )


def _whose(
    session: Session, project_id: int, user_id: str, username: str, arrival: Arrival
) -> Whose:
    sender = arrival.sender
    if user_id == sender.user_id:
        if sender.kind is not None:
            return Whose(sender.username, sender.kind)
        username = sender.username
    return whose(session, project_id, user_id, username, own=arrival.own)


def _keep_unparsed(session: Session, project_id: int, arrival: Arrival) -> Received:
    sender, problem = arrival.sender, arrival.incoming.problem
    user = _whose(session, project_id, sender.user_id, "", arrival)
    row = Submission(
        project_id=project_id,
        submission_id=new_id(),
        state=State.UNPARSED,
        problem=problem,
        app_id=arrival.app_id[:255],
        user_id=sender.user_id,
        username=sender.username,
        user_kind=user.kind,
        sent_by=sender.username,
    )
    _keep(session, row, arrival)
    return Received(Outcome.UNPARSED, row.submission_id, problem)


def _keep_duplicate(
    session: Session, row: Submission, place: Place, repeats: Submission, arrival: Arrival
) -> None:
    row.submission_id, row.asked_id = new_id(), place.asked_id
    row.state, row.of = State.DUPLICATE, repeats.id
    _keep(session, row, arrival)


def _keep_error(
    session: Session, row: Submission, place: Place, problem: str, arrival: Arrival
) -> Received:
    failed = place.failed_before
    if failed is not None:
        # A phone that sends the same again must not pile up errors: the first stands for all.
        _keep_duplicate(session, row, place, failed, arrival)
        return Received(Outcome.ERROR, failed.submission_id, problem)
    if place.replaces is not None:  # an edit that fails leaves the version in force its id
        row.submission_id, row.asked_id = new_id(), place.asked_id
    else:
        row.submission_id, row.asked_id = place.submission_id, place.given_instead_of
    if place.sets_aside is not None:
        _set_aside(session, place.sets_aside)
    row.state, row.problem = State.ERROR, problem
    _keep(session, row, arrival)
    if place.sets_aside is not None:
        _point_to(session, place.sets_aside, row)
    return Received(Outcome.ERROR, row.submission_id, problem)


def _set_aside(session: Session, version: Submission) -> None:
    """Take the id from a version that was never applied, so that a newer one can have it."""
    version.asked_id, version.submission_id = version.submission_id, new_id()
    version.state = State.DEPRECATED
    session.flush()  # the id must be free before it is taken


def _point_to(session: Session, version: Submission, newer: Submission) -> None:
    version.of = newer.id
    version.indexed_on = take_ticks(session, version.project_id)


def _keep(session: Session, row: Submission, arrival: Arrival) -> None:
    """Store a submission that touches no case."""
    row.received_on = row.indexed_on = take_ticks(session, row.project_id)
    session.add(row)
    session.flush()  # its content needs its key
    _keep_content(session, row, arrival)


def _keep_content(session: Session, row: Submission, arrival: Arrival) -> None:
    session.add(
        SubmissionXml(
            project_id=row.project_id,
            submission=row.id,
            sha256=arrival.incoming.sha256,
            content=arrival.incoming.xml,
        )
    )
    by_name: dict[str, Kept] = {}
    for kept in arrival.attachments:
        by_name[_free_name(kept.name, by_name)] = kept
    session.add_all(
        Attachment(
            project_id=row.project_id,
            submission=row.id,
            name=name,
            content_type=kept.content_type,
            size=kept.size,
            sha256=kept.sha256,
        )
        for name, kept in by_name.items()
    )


def _free_name(name: str, taken: Container[str]) -> str:
    """The name, or one like it: two files of a form may be called the same."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[:240]} ({number})"
    return free


def _fit(text: str | None) -> str | None:
    return None if text is None else text[:255]


def _time(text: str | None) -> Micros | None:
    """A time of the meta block, or None: a phone's odd clock is no reason to refuse its form."""
    try:
        return None if text is None else parse_time(text)
    except ValueError:
        return None
