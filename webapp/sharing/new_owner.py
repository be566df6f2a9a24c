"""The owner that a person names when cases are given away, and what is doubtful about one
(SPEC U5, C6, R31)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.people.owner_sets import owners_carried
from webapp.people.owners import Owner, OwnerIs, Standing, find_owners
from webapp.sharing.document import NOBODY
from webapp.submissions.blocks import valid_id

#: So many of those that have the same name are told.
TOLD = 5


@dataclass(frozen=True, slots=True)
class NewOwner:
    """What a text names: an id, and the owner that has it, if any. `problem` says why it cannot be
    taken as it is, and `doubt` what to think of first."""

    owner_id: str
    found: Owner | None = None
    problem: str = ""
    doubt: str = ""

    @property
    def name(self) -> str:
        """How people know it."""
        return self.found.name if self.found else self.owner_id


def new_owner(session: Session, project_id: int, text: str) -> NewOwner:
    """Read a name, site code or id. Three queries at most."""
    if not text:
        return NewOwner("", problem=_("Enter the new owner."))
    found = find_owners(session, project_id, text)
    if len(found) > 1:
        told = ", ".join(_told_apart(one) for one in found[:TOLD])
        return NewOwner(
            "",
            problem=_(
                "Several owners are called “%(name)s”. Enter one by its site code or id:"
                " %(those)s.",
                name=text,
                those=told,
            ),
        )
    if not found:
        return NewOwner(text, doubt=_of_nobody(text))
    doubts = doubts_about(session, project_id, found)
    return NewOwner(found[0].owner_id, found[0], doubt=doubts.get(found[0].owner_id, ""))


def kind_words(owner: Owner) -> str:
    """What an owner is."""
    return {
        OwnerIs.WORKER: _("mobile worker"),
        OwnerIs.WEB_USER: _("web user"),
        OwnerIs.GROUP: _("group"),
        OwnerIs.LOCATION: _("location"),
    }[owner.kind]


def _told_apart(one: Owner) -> str:
    return _("%(id)s (%(kind)s)", id=one.code or one.owner_id, kind=kind_words(one))


def _of_nobody(text: str) -> str:
    if not valid_id(text):
        return _("No user, group or location is called so, and no id can be so.")
    if text == NOBODY:
        return _(
            "“-” means that a case has no owner: it is on no phone, unless another case brings it"
            " along."
        )
    return _("No user, group or location has this name or id: cases of this owner are on no phone.")


def doubts_about(session: Session, project_id: int, owners: Collection[Owner]) -> Mapping[str, str]:
    """By their ids, those owners whose cases are on no phone, with a sentence why. Web users count
    by whether they can sign in: they have no phones, and see cases all the same. One query."""
    ids = [one.owner_id for one in owners if one.active and one.kind is not OwnerIs.WEB_USER]
    carried = owners_carried(session, project_id, ids)
    return {
        one.owner_id: _inactive(one) if not one.active else _empty(one)
        for one in owners
        if not one.active or (one.owner_id in ids and one.owner_id not in carried)
    }


def _empty(owner: Owner) -> str:
    if owner.kind is OwnerIs.GROUP:
        return _(
            "No active worker is in the group %(name)s: its cases are on no phone.", name=owner.name
        )
    return _(
        "No active worker has the location %(name)s: its cases are on no phone.", name=owner.name
    )


def _inactive(owner: Owner) -> str:
    name = owner.name
    if owner.standing is Standing.DEACTIVATED and owner.kind is OwnerIs.WORKER:
        return _("%(name)s is deactivated: their cases are on no phone.", name=name)
    if owner.standing is Standing.DEACTIVATED:
        return _("%(name)s is deactivated: nobody has their cases.", name=name)
    if owner.standing is Standing.LEFT:
        return _("%(name)s has left the project: nobody has their cases.", name=name)
    if owner.standing is Standing.DELETED:
        return _("The group %(name)s is deleted: its cases are on no phone.", name=name)
    if owner.standing is Standing.ARCHIVED:
        return _("The location %(name)s is archived: its cases are on no phone.", name=name)
    if owner.kind is OwnerIs.GROUP:
        return _(
            "Case sharing is off for the group %(name)s: its cases are on no phone.", name=name
        )
    return _("The level of %(name)s owns no cases: its cases are on no phone.", name=name)
