"""From the blocks of a form to the changes that are kept: what the server decides on arrival."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy.orm import Session

from webapp.cases.apply import Change, IndexValue
from webapp.cases.store import keys_of
from webapp.clock import Micros
from webapp.submissions.parse import CaseBlock, ParsedForm

#: Reserved names of the format -> attributes of a case (SPEC S9b).
_ATTRIBUTE = {
    "case_type": "type",
    "case_name": "name",
    "owner_id": "owner_id",
    "external_id": "external_id",
    "user_id": "opened_by",
}

_NOBODY: Mapping[str, str] = MappingProxyType({})


def form_user(form: ParsedForm, account: str) -> str:
    """Whose the form is: the first block's user, else the meta block's, else the account that
    sent it (SPEC S2)."""
    named = next((block.user for block in form.blocks if block.user), None)
    return named or form.meta.user_id or account


def types_named(form: ParsedForm) -> set[str]:
    """The case types that a form names for its cases: it may open some."""
    return {block.given["case_type"] for block in form.blocks if block.given.get("case_type")}


def known_targets(session: Session, project_id: int, form: ParsedForm) -> dict[str, int]:
    """The keys of the cases, beside the form's own, that its indexes point to and that the project
    has or had. At most one query a thousand targets, and none for a form without indexes."""
    own = {block.case_id for block in form.blocks}
    targets = {index.target for block in form.blocks for index in block.indices if index.target}
    return keys_of(session, project_id, targets - own) if targets - own else {}


def missing_target(form: ParsedForm, known: Mapping[str, int]) -> str | None:
    """The sentence of S10 when an index points to a case that the project never had, else None."""
    own = {block.case_id for block in form.blocks}
    for block in form.blocks:
        for index in block.indices:
            if index.target and index.target not in own and index.target not in known:
                return (
                    f"Case {block.case_id}: the index “{index.identifier}” points to the case"
                    f" {index.target}, which this project has never had."
                )
    return None


def changes_of(
    form: ParsedForm,
    *,
    user: str,
    arrived_on: Micros,
    keys: Mapping[str, int],
    owners: Mapping[str, str] = _NOBODY,
) -> dict[int, Change]:
    """The change that each block asks, by case key.

    `user` is the form's; `keys` maps the case ids that blocks and their indexes name to keys;
    `owners` are those of `webapp.submissions.sharing.new_owners`.
    """
    return {
        keys[block.case_id]: _change(block, user, arrived_on, keys, owners.get(block.case_id))
        for block in form.blocks
    }


def _change(
    block: CaseBlock, user: str, arrived_on: Micros, keys: Mapping[str, int], owner: str | None
) -> Change:
    acting = block.user or user
    return Change(
        user=acting,
        opener=block.opener or acting,
        date_modified=arrived_on if block.date_modified is None else block.date_modified,
        arrived_on=arrived_on,
        owner_if_new=acting,
        given={_ATTRIBUTE[name]: value for name, value in block.given.items()},
        opened_on=block.date_opened,
        properties=block.properties,
        indices={
            index.identifier: IndexValue(keys[index.target], index.case_type, index.relationship)
            if index.target
            else None
            for index in block.indices
        },
        closes=block.closes,
        opened_for=owner,
    )
