"""The owner that a person names when cases are given away (SPEC U5, C6)."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.people.owners import Owner, OwnerIs, Standing, find_owners
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
    """Read a name, site code or id. Two queries at most."""
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
    return NewOwner(found[0].owner_id, found[0], doubt=_doubt(found[0]))


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
    return _("No user, group or location has this name or id: no phone may receive the case.")


def _doubt(owner: Owner) -> str:
    name = owner.name
    if owner.standing is Standing.DEACTIVATED:
        return _("%(name)s is deactivated: no phone receives the case.", name=name)
    if owner.standing is Standing.LEFT:
        return _("%(name)s has left the project: nobody receives the case.", name=name)
    if owner.standing is Standing.DELETED:
        return _("The group %(name)s is deleted: no phone receives the case.", name=name)
    if owner.standing is Standing.ARCHIVED:
        return _("The location %(name)s is archived: no phone receives the case.", name=name)
    if owner.standing is Standing.ACTIVE:
        return ""
    if owner.kind is OwnerIs.GROUP:
        return _(
            "Case sharing is off for the group %(name)s: no phone receives the case.", name=name
        )
    return _("The level of %(name)s owns no cases: no phone receives the case.", name=name)
