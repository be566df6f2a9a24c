"""Which cases a person wants to see, and its canonical address (SPEC U5, U7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from webapp.cases.models import Case
from webapp.dictionary.models import CaseType
from webapp.errors import Invalid

#: So many case types are offered.
OFFERED = 500


class CaseState(StrEnum):
    """What a case is now, as people choose it."""

    OPEN = "open"
    CLOSED = "closed"
    DELETED = "deleted"
    ANY = "any"


@dataclass(frozen=True)
class CaseFilter:
    """What to show. An empty field does not narrow. `view` is the id of a kept search."""

    type: str = ""
    owner: str = ""
    state: CaseState = CaseState.OPEN
    view: str = ""

    @property
    def narrowing(self) -> tuple[str, ...]:
        """The fields that leave something out."""
        return tuple(
            one.name for one in fields(self) if getattr(self, one.name) not in ("", CaseState.ANY)
        )

    def without(self, name: str) -> CaseFilter:
        """The same, but with this field not narrowing."""
        if name == "state":
            return replace(self, state=CaseState.ANY)
        return replace(self, **{name: ""})  # type: ignore[arg-type]  # the others are texts


def parse(query: Mapping[str, str]) -> CaseFilter:
    """Read the parameters of an address; unknown names are ignored. Raises `Invalid`."""
    state = query.get("state") or CaseState.OPEN
    if state not in set(CaseState):
        raise Invalid("State: choose open, closed, deleted or any.")
    given = {name: query.get(name, "").strip() for name in ("type", "owner", "view")}
    for name, value in given.items():
        if len(value) > 255:
            raise Invalid(f"{name.capitalize()}: at most 255 characters.")
    return CaseFilter(state=CaseState(state), **given)


def query_string(wanted: CaseFilter, **more: str | None) -> str:
    """The canonical query of a filter: defaults dropped, names sorted; `more` are cursors."""
    pairs = {
        one.name: str(getattr(wanted, one.name))
        for one in fields(wanted)
        if getattr(wanted, one.name) != one.default
    }
    pairs |= {name: value for name, value in more.items() if value}
    return urlencode(sorted(pairs.items()))


def matching(project_id: int, wanted: CaseFilter, text: str) -> Select[Case]:
    """The cases that a filter leaves; `indexed_on` is their key in pages, newest change first.

    `text` is looked for in names, without regard to case and as it stands (no wildcards), and is
    compared with case ids and external ids.
    """
    conditions: list[ColumnElement[bool]] = [Case.project_id == project_id]
    if wanted.type:
        conditions.append(Case.type == wanted.type)
    if wanted.owner:
        conditions.append(Case.owner_id == wanted.owner)
    if wanted.state == CaseState.DELETED:
        conditions.append(Case.deleted.is_(True))
    elif wanted.state != CaseState.ANY:
        conditions += [~Case.deleted, Case.closed.is_(wanted.state == CaseState.CLOSED)]
    if text:
        conditions.append(
            or_(
                func.lower(Case.name).contains(text.lower(), autoescape=True),
                Case.case_id == text,
                Case.external_id == text,
            )
        )
    return select(Case).where(*conditions)


def case_types(session: Session, project_id: int) -> list[str]:
    """The types that the project has used, by name. One query."""
    return list(
        session.scalars(
            select(CaseType.name)
            .where(CaseType.project_id == project_id)
            .order_by(CaseType.name)
            .limit(OFFERED)
        )
    )
