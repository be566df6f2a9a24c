"""What a person may do in a project: a closed table (SPEC X1)."""

from __future__ import annotations

from enum import StrEnum


class Right(StrEnum):
    """One right. The value is stored; `label` is how people read it."""

    VIEW = "view"
    EDIT_DATA = "edit_data"
    MANAGE_PEOPLE = "manage_people"
    ADMIN = "admin"
    API_ACCESS = "api_access"

    @property
    def label(self) -> str:
        """The right's name on screen and in refusals."""
        return _LABELS[self]


_LABELS = {
    Right.VIEW: "View",
    Right.EDIT_DATA: "Edit data",
    Right.MANAGE_PEOPLE: "Manage people",
    Right.ADMIN: "Admin",
    Right.API_ACCESS: "API access",
}

#: The roles that come with every project.
STANDARD_ROLES: dict[str, tuple[Right, ...]] = {
    "admin": tuple(Right),
    "editor": (Right.VIEW, Right.EDIT_DATA, Right.API_ACCESS),
    "viewer": (Right.VIEW,),
}
