"""Actions as JSON: reading one row, and writing it (SPEC R9, R10, R12, §4.9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import gettext as _

from webapp.dictionary.names import NOT_WRITABLE
from webapp.rules.checks import Checked
from webapp.rules.definition import Action, Close, Copy, Set
from webapp.rules.operators import is_blank
from webapp.rules.portable_criteria import read_reference
from webapp.rules.references import Reference
from webapp.submissions.blocks import MAX_COLUMN

#: System names that actions may write, with the attribute that they mean (R12).
WRITABLE = {
    "name": "name",
    "case_name": "name",
    "owner_id": "owner_id",
    "external_id": "external_id",
}


def read_action(one: Checked) -> Action | None:
    """The action that a row says; None where it says none, and its problems are noted."""
    kind = one.word("kind", _KINDS, required=_("Choose what happens."))
    return None if kind is None else kind(one)


def write_action(one: Action) -> dict[str, Any]:
    """The inverse of `read_action`."""
    if isinstance(one, Close):
        return {"kind": one.kind}
    if isinstance(one, Copy):
        return {"kind": one.kind, "property": str(one.property), "from": str(one.source)}
    return {"kind": one.kind, "property": str(one.property), "value": one.value}


def target_of(action: Action) -> object:
    """What an action writes to: `name` and `case_name` are one (R10)."""
    if isinstance(action, Close):
        return None
    reference = action.property
    return reference.path, WRITABLE.get(reference.name, reference.name)


def _set(one: Checked) -> Action | None:
    one.only("kind", "property", "value")
    target = _written(one)
    value = one.value("value", empty=True)
    if target is None:
        return None
    if target.attribute is not None and len(value) > MAX_COLUMN:
        one.wrong("value", _("“%(name)s” holds at most 255 characters.", name=target.name))
    if target.name == "owner_id" and is_blank(value):
        one.wrong("value", _("A case always has an owner. Enter an id."))
    return Set(target, value)


def _copy(one: Checked) -> Action | None:
    one.only("kind", "property", "from")
    target, source = _written(one), read_reference(one, "from")
    return None if target is None or source is None else Copy(target, source)


def _close(one: Checked) -> Action:
    one.only("kind")
    return Close()


_KINDS: dict[str, Callable[[Checked], Action | None]] = {
    "set": _set,
    "copy": _copy,
    "close": _close,
}


def _written(one: Checked) -> Reference | None:
    reference = read_reference(one, "property")
    if reference is not None and reference.name in NOT_WRITABLE:
        one.wrong(
            "property",
            _(
                "“%(name)s” is kept by the server and cannot be set. Only name, owner_id and"
                " external_id can, of the names that have a meaning of their own.",
                name=reference.name,
            ),
        )
        return None
    return reference
