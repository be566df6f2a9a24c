"""What a run teaches the dictionary: the properties that its rule writes (SPEC U10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy.orm import Session

from webapp.dictionary.learn import learn_properties
from webapp.rules.orders import Orders
from webapp.rules.view import Cases, Path


def teach_own(session: Session, orders: Orders) -> None:
    """Note what is written to the cases that match. As `learn_properties`: when the cases of a
    chunk are locked, before its tick."""
    names = _written(orders).get((), set())
    learn_properties(session, orders.project_id, {orders.definition.case_type: names})


def teach(session: Session, orders: Orders, cases: Cases, keys: Iterable[int]) -> None:
    """The same with what is written to the cases that they lead to; `keys` are those that match."""
    given = defaultdict[str, set[str]](set)
    written = _written(orders)
    for key in keys:
        for path, names in written.items():
            found = cases.follow(key, path)
            if found is not None:
                given[cases.known[found].state.type] |= names
    learn_properties(session, orders.project_id, given)


def _written(orders: Orders) -> dict[Path, set[str]]:
    """The properties that the rule writes, by the path to the case."""
    written = defaultdict[Path, set[str]](set)
    for action in orders.definition.updates:
        if action.property.attribute is None:
            written[action.property.path].add(action.property.name)
    return written
