"""Which names of properties are offered where a person types one (SPEC U3, R7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.dictionary.models import DataType
from webapp.dictionary.names import is_property_name
from webapp.dictionary.queries import properties_of
from webapp.history.property_sample import types_at
from webapp.rules.references import DEEPEST, STEPS, SYSTEM

#: So many are offered.
OFFERED = 50
#: Of the system names, one for each attribute.
SYSTEM_NAMES = tuple({attribute: name for name, attribute in reversed(SYSTEM.items())}.values())[
    ::-1
]


@dataclass(frozen=True, slots=True)
class Offered:
    """A name with its path; what people call the property, and its type. A name that ends with “/”
    is a step to another case."""

    name: str
    label: str = ""
    data_type: DataType | None = None


def offered_names(
    session: Session, project_id: int, case_type: str, typed: str = ""
) -> list[Offered]:
    """The names that fit what was typed, at most `OFFERED`: properties of the type in the order of
    the dictionary, but for deprecated ones; then system names; then the steps to other cases.
    Behind `parent/` and `host/` it is the same for the cases that are there.

    One query, and a few more for other cases, of which the answers are kept for a while.
    """
    before, slash, start = typed.strip().rpartition("/")
    path = tuple(before.split("/")) if slash else ()
    if len(path) > DEEPEST or any(step not in STEPS for step in path):
        return []
    types = types_at(session, project_id, case_type, path)
    if path and not types:
        return []
    wanted = start.casefold()
    properties = {
        one.name: Offered(before + slash + one.name, one.label, one.data_type)
        for one in properties_of(session, project_id, *types)
        if not one.deprecated and is_property_name(one.name) and one.name not in SYSTEM
    }
    fitting = sorted(
        (one for one in properties.items() if wanted in f"{one[0]}\n{one[1].label}".casefold()),
        key=lambda one: not one[0].casefold().startswith(wanted),
    )
    others = [Offered(before + slash + name) for name in SYSTEM_NAMES if wanted in name]
    if len(path) < DEEPEST:
        others += [
            Offered(f"{before}{slash}{step}/")
            for step in _steps(session, project_id, case_type, path)
            if wanted in step
        ]
    return [*(one for _name, one in fitting[: OFFERED - len(others)]), *others]


def _steps(
    session: Session, project_id: int, case_type: str, path: tuple[str, ...]
) -> Iterator[str]:
    """The steps that lead on to some case."""
    for step in STEPS:
        if types_at(session, project_id, case_type, (*path, step)):
            yield step
