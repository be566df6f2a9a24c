"""References to a value of a case, or of one that it points to (SPEC R7)."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _

from webapp.dictionary.names import LONGEST, PROPERTY_NAME

#: How many `parent/` and `host/` a reference may have.
DEEPEST = 5
STEPS = ("parent", "host")

#: System names, under every spelling, with the attribute of a case that they mean. They always
#: mean the attribute, also where a property of that name exists.
SYSTEM = {
    "name": "name",
    "case_name": "name",
    "case_type": "type",
    "owner_id": "owner_id",
    "opened_on": "opened_on",
    "date_opened": "opened_on",
    "opened_by": "opened_by",
    "modified_on": "modified_on",
    "last_modified": "modified_on",
    "server_modified_on": "server_modified_on",
    "external_id": "external_id",
    "case_id": "case_id",
    "closed_on": "closed_on",
}
#: The system name of who owns a case.
OWNER = "owner_id"
#: Those of the attributes above that are instants.
TIMES = frozenset({"opened_on", "modified_on", "server_modified_on", "closed_on"})


@dataclass(frozen=True, slots=True)
class Reference:
    """`path` are the steps to another case (`parent`, `host`), empty for the case itself; `name` is
    the name as it was written."""

    path: tuple[str, ...]
    name: str

    @property
    def attribute(self) -> str | None:
        """The attribute of the case that a system name means; None for a property."""
        return SYSTEM.get(self.name)

    def __str__(self) -> str:
        return "/".join((*self.path, self.name))


#: The owner of the case itself.
OWNER_ID = Reference((), OWNER)


def parse_reference(text: str) -> Reference:
    """Read `name`, `parent/name`, `host/parent/name`, … Raises `ValueError` with a sentence."""
    *path, name = text.split("/")
    if any(step not in STEPS for step in path):
        raise ValueError(_("Before a “/” only “parent” or “host” can stand."))
    if len(path) > DEEPEST:
        raise ValueError(_("A reference goes at most five cases far."))
    if not name:
        raise ValueError(_("Enter the name of a property."))
    if len(name) > LONGEST:
        raise ValueError(_("A property's name has at most 255 characters."))
    if not PROPERTY_NAME.fullmatch(name):
        raise ValueError(
            _(
                "A property's name starts with a letter or “_”; then letters, digits, “_”, “-” and"
                " “.” may follow."
            )
        )
    return Reference(tuple(path), name)
