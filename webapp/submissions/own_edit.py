"""Changing what a case holds by a form of its own, as people do it on its page (SPEC U5)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.cases.apply import CaseState
from webapp.cases.queries import get_case
from webapp.cases.store import hold_known_cases
from webapp.dictionary.names import NEVER_PROPERTIES, NOT_WRITABLE, is_property_name
from webapp.errors import Invalid, Refused
from webapp.submissions.blocks import MAX_COLUMN, MAX_VALUE, CaseBlock, shorten, valid_id
from webapp.submissions.own import ASSIGN_XMLNS, EDIT_XMLNS, write_form
from webapp.submissions.render import can_be_text

#: What can be edited beside properties: reserved names of the format -> attributes of a case. No
#: property can have these names.
EDITABLE = {"case_name": "name", "external_id": "external_id"}


class InvalidValues(Invalid):
    """Some values cannot be taken: `problems` has a sentence for each name."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


class ChangedMeanwhile(Refused):
    """Values that somebody wants to change have been changed by somebody else: `now` says what
    they are, None where there is none."""

    def __init__(self, now: Mapping[str, str | None]) -> None:
        super().__init__(_("Somebody changed this case meanwhile."))
        self.now = now


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants a value to be, and what they know of the one that stands there: the
    fingerprint of what they saw when they began, and of one that came meanwhile and that they
    want to overwrite, or to keep."""

    value: str
    seen: str
    over: str = ""
    keep: str = ""


def value_of(state: CaseState, name: str) -> str | None:
    """What a case holds under a name that can be edited; None where it has no such property."""
    attribute = EDITABLE.get(name)
    if attribute is None:
        return state.properties.get(name)
    value: str = getattr(state, attribute)
    return value


def fingerprint(value: str | None) -> str:
    """Tells values apart. Kinds of line ends are one, for browsers have their own; a property that
    is not there is an empty one."""
    return hashlib.sha256(_plain(value or "").encode("utf-8", "replace")).hexdigest()[:20]


def edit_case(
    session: Session, project_id: int, case_id: str, wishes: Mapping[str, Wish], *, by: Actor
) -> str | None:
    """Write what differs by one form, and return its id; None where nothing does. Names are those
    of properties and of `EDITABLE`; archiving the form takes it back.

    Only what the person changed counts: a value that they left as they saw it stays what it is now.
    Raises `NotFound`, `Refused` for a deleted case, `InvalidValues` (all of them), and
    `ChangedMeanwhile` where a value that they changed is no longer the one they saw.
    """
    wishes = {name: one for name, one in wishes.items() if fingerprint(one.value) != one.seen}
    case = get_case(session, project_id, case_id)
    (held,) = hold_known_cases(session, project_id, [case.id])
    _not_deleted(held.state)
    found = ((name, _problem(held.state, name, one.value)) for name, one in wishes.items())
    problems = {name: sentence for name, sentence in found if sentence}
    if problems:
        raise InvalidValues(problems)
    wanted, meanwhile = {}, {}
    for name, one in wishes.items():
        now = value_of(held.state, name)
        mark = fingerprint(now)
        if mark in {fingerprint(one.value), one.keep}:
            continue
        if mark in {one.seen, one.over}:
            wanted[name] = _plain(one.value)
        else:
            meanwhile[name] = now
    if meanwhile:
        raise ChangedMeanwhile(meanwhile)
    if not wanted:
        return None
    block = CaseBlock(
        case_id,
        user=by.user_id,
        given={name: value for name, value in wanted.items() if name in EDITABLE},
        properties={name: value for name, value in wanted.items() if name not in EDITABLE},
    )
    return write_form(session, project_id, EDIT_XMLNS, "Edit case", [block], by=by)


def assign_case(
    session: Session, project_id: int, case_id: str, owner_id: str, *, seen: str, by: Actor
) -> str | None:
    """Give a case to another owner by one form, and return its id; None if it is theirs already.

    `seen` is the owner that the person saw. Raises `NotFound`, `Refused` for a deleted case,
    `Invalid` for what can be no id, and `ChangedMeanwhile` where it has got another owner.
    """
    if not valid_id(owner_id) or not can_be_text(owner_id):
        raise Invalid(_("An owner's id has 1 to 255 characters and no blanks."))
    case = get_case(session, project_id, case_id)
    (held,) = hold_known_cases(session, project_id, [case.id])
    _not_deleted(held.state)
    if held.state.owner_id == owner_id:
        return None
    if held.state.owner_id != seen:
        raise ChangedMeanwhile({"owner_id": held.state.owner_id})
    block = CaseBlock(case_id, user=by.user_id, given={"owner_id": owner_id})
    return write_form(session, project_id, ASSIGN_XMLNS, "Reassign case", [block], by=by)


def name_problem(name: str) -> str | None:
    """Why a property cannot be added under a name."""
    if name in NEVER_PROPERTIES | NOT_WRITABLE:
        return str(_("“%(name)s” is what each case has, and cannot be a property.", name=name))
    if not is_property_name(name):
        return str(
            _(
                "“%(name)s” cannot be a property: a name starts with a letter or “_”; then letters,"
                " digits, “_”, “-” and “.” may follow, 255 in all.",
                name=shorten(name),
            )
        )
    return None


def _problem(state: CaseState, name: str, value: str) -> str | None:
    if name not in EDITABLE and name not in state.properties:
        wrong = name_problem(name)
        if wrong:
            return wrong
    if not can_be_text(value):
        return str(
            _(
                "“%(name)s” holds a character that a form cannot carry, such as a control"
                " character.",
                name=shorten(name),
            )
        )
    if name in EDITABLE and len(value) > MAX_COLUMN:
        return str(_("“%(name)s” has at most 255 characters.", name=name))
    if len(value.encode()) > MAX_VALUE:
        return str(_("“%(name)s” has at most 32 kB.", name=shorten(name)))
    return None


def _not_deleted(state: CaseState) -> None:
    if state.deleted:
        raise Refused(_("This case is deleted: no form of it counts, so it cannot be changed."))


def _plain(text: str) -> str:
    """A text with line ends as XML has them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
