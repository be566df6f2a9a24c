"""Reading the dictionary."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Select, String, cast, func, select
from sqlalchemy.orm import Session

from webapp.dictionary.models import CaseType, Property, Sharing
from webapp.errors import NotFound

#: Nobody else changes the row then, but a row that refers to it may come.
_LOCKED = {"key_share": True}


def get_case_type(session: Session, project_id: int, name: str, *, lock: bool = False) -> CaseType:
    """A case type. One query. Raises `NotFound`."""
    found = session.get(
        CaseType,
        (project_id, name),
        populate_existing=True,
        with_for_update=_LOCKED if lock else None,
    )
    if found is None:
        raise NotFound(f"There is no case type “{name}” in the data dictionary.")
    return found


def get_property(
    session: Session, project_id: int, case_type: str, name: str, *, lock: bool = False
) -> Property:
    """A property of a case type. One query. Raises `NotFound`."""
    found = session.get(
        Property,
        (project_id, case_type, name),
        populate_existing=True,
        with_for_update=_LOCKED if lock else None,
    )
    if found is None:
        raise NotFound(f"There is no property “{name}” of “{case_type}” in the data dictionary.")
    return found


def types_with_sharing(project_id: Any, names: Any) -> Select[str, Any]:
    """Those of some case types whose new cases are shared or private, and which of the two, as text
    (SPEC C4)."""
    return select(CaseType.name, cast(CaseType.sharing, String)).where(
        CaseType.project_id == project_id,
        CaseType.name.in_(names),
        CaseType.sharing != Sharing.AS_FORM,
    )


def sharing_of(session: Session, project_id: int, names: Collection[str]) -> dict[str, Sharing]:
    """The same, read. One query, and none without a name."""
    rows = session.execute(types_with_sharing(project_id, names)) if names else ()
    return {name: Sharing(kind) for name, kind in rows}


def properties_of(session: Session, project_id: int, *case_types: str) -> list[Property]:
    """The properties of case types, in their order: group by group as people placed them, those
    without a group last. One query; none without a type."""
    if not any(case_types):
        return []
    rows = session.scalars(
        select(Property).where(
            Property.project_id == project_id, Property.case_type.in_(case_types)
        )
    )
    return in_order(rows.all())


def names_of(session: Session, project_id: int, case_type: str) -> list[str]:
    """The names of the properties of a type, by name. One query."""
    return sorted(
        session.scalars(
            select(Property.name).where(
                Property.project_id == project_id, Property.case_type == case_type
            )
        )
    )


def all_properties(session: Session, project_id: int) -> list[Property]:
    """Those of all types of a project: types by name, each as `properties_of` has it. One query."""
    rows = session.scalars(select(Property).where(Property.project_id == project_id)).all()
    by_type: dict[str, list[Property]] = {}
    for row in rows:
        by_type.setdefault(row.case_type, []).append(row)
    return [row for name in sorted(by_type) for row in in_order(by_type[name])]


def in_order(properties: Collection[Property]) -> list[Property]:
    """Properties of a type in the order in which people see them."""
    first: dict[str, tuple[bool, int]] = {}
    for one in properties:
        first[one.group] = min(first.get(one.group, (True, 0)), _place(one))
    return sorted(
        properties,
        key=lambda one: (
            one.group == "",
            first[one.group],
            one.group,
            _place(one),
            one.name.casefold(),
            one.name,
        ),
    )


def _place(one: Property) -> tuple[bool, int]:
    return one.place is None, one.place or 0


def by_group(properties: Iterable[Property]) -> list[tuple[str, list[Property]]]:
    """Properties that are in their order, as groups; the last may be "", of those without one."""
    groups: dict[str, list[Property]] = {}
    for one in properties:
        groups.setdefault(one.group, []).append(one)
    return list(groups.items())


def groups_of(session: Session, project_id: int, case_type: str) -> list[str]:
    """The groups that the properties of a type are in, by name. One query."""
    rows = session.scalars(
        select(Property.group)
        .where(Property.project_id == project_id, Property.case_type == case_type)
        .distinct()
    )
    return sorted(group for group in rows if group)


def type_counts(session: Session, project_id: int) -> dict[str, int]:
    """How many properties each case type has. One query."""
    rows = session.execute(
        select(Property.case_type, func.count())
        .where(Property.project_id == project_id)
        .group_by(Property.case_type)
    )
    return {row[0]: row[1] for row in rows}


def list_case_types(session: Session, project_id: int) -> list[CaseType]:
    """The case types of a project, by name. One query."""
    rows = session.scalars(select(CaseType).where(CaseType.project_id == project_id))
    return sorted(rows, key=lambda one: (one.name.casefold(), one.name))
