"""Pages by key and not by offset: page 1,000 costs what page 1 costs (SPEC U7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.errors import Invalid

T = TypeVar("T")
Key = ColumnElement[int] | InstrumentedAttribute[int]

#: Totals are exact up to here, and "more than" above (SPEC U7).
CAP = 10_000

_BIGGEST = 2**63 - 1


@dataclass(frozen=True)
class Page(Generic[T]):
    """Rows, newest first. `newer` and `older` are cursors for `after=` and `before=` of the next
    call, and None where there is nothing more in that direction."""

    rows: Sequence[T]
    newer: str | None
    older: str | None


@dataclass(frozen=True)
class Count:
    """How many rows fit: exactly `number`, or `more` than that."""

    number: int
    more: bool


@overload
def keyset_page(
    session: Session,
    statement: Select[tuple[T]],
    *columns: Key,
    before: str | None = None,
    after: str | None = None,
    size: int = 25,
) -> Page[T]: ...


@overload
def keyset_page(
    session: Session,
    statement: Select[Any],
    *columns: Key,
    before: str | None = None,
    after: str | None = None,
    size: int = 25,
) -> Page[Any]: ...


def keyset_page(
    session: Session,
    statement: Select[Any],
    *columns: Key,
    before: str | None = None,
    after: str | None = None,
    size: int = 25,
) -> Page[Any]:
    """One page of `statement`, ordered by `columns`, largest first.

    `columns` hold integers, never NULL, and together are unique in the result: one tick, or a date
    and then an id. `before` (a page's `older`) asks for what comes after it in the list, `after` (a
    page's `newer`) for what comes before it. Rows are what the statement selects: the thing itself
    if it is one, else a row.

    Raises `Invalid` for a cursor that this function did not make. Costs one query of `size` + 1
    rows; two when going back reaches the newest page, which then is filled.
    """
    if before is not None and after is not None:
        raise Invalid(_("A page is either before or after a place, not both."))
    single = len(statement.column_descriptions) == 1
    key = tuple_(*columns) if len(columns) > 1 else columns[0]
    place = _read_cursor(before if before is not None else after, len(columns))

    # The keys travel with the rows, behind what was asked for, under names that nobody else has.
    keyed = statement.add_columns(*(c.label(f"_key_{n}") for n, c in enumerate(columns)))
    if after is not None:
        upward = keyed.where(key > place).order_by(None).order_by(*(c.asc() for c in columns))
        found = session.execute(upward.limit(size + 1)).all()
        if len(found) > size:
            rows = found[:size][::-1]
            return _page(rows, single, len(columns), newer=True, older=True)
        before = None  # the newest page: fill it
    downward = keyed.order_by(None).order_by(*(c.desc() for c in columns))
    if before is not None:
        downward = downward.where(key < place)
    found = session.execute(downward.limit(size + 1)).all()
    return _page(
        found[:size], single, len(columns), newer=before is not None, older=len(found) > size
    )


def capped_count(session: Session, statement: Select[Any], cap: int = CAP) -> Count:
    """How many rows `statement` has, counted no further than `cap`. One query."""
    some = statement.with_only_columns(literal(1), maintain_column_froms=True)
    limited = some.order_by(None).limit(cap + 1).subquery()
    number = session.scalar(select(func.count()).select_from(limited)) or 0
    return Count(min(number, cap), number > cap)


def capped_counts(
    session: Session, column: InstrumentedAttribute[T], statements: Iterable[Select[Any]]
) -> dict[T, Count]:
    """The same for several statements, by the one value that each has in a column; without those
    that have no row. One query."""
    limited = [one.with_only_columns(column).limit(CAP + 1).subquery() for one in statements]
    values = [some.c[0] for some in limited]
    rows = session.execute(
        union_all(*(select(value, func.count()).group_by(value) for value in values))
    )
    return {value: Count(min(number, CAP), number > CAP) for value, number in rows}


def _page(rows: Sequence[Any], single: bool, keys: int, *, newer: bool, older: bool) -> Page[Any]:
    def cursor(row: Any) -> str:
        return ".".join(str(part) for part in row[-keys:])

    return Page(
        rows=[row[0] for row in rows] if single else rows,
        newer=cursor(rows[0]) if newer and rows else None,
        older=cursor(rows[-1]) if older and rows else None,
    )


def _read_cursor(text: str | None, keys: int) -> Any:
    """The place that a cursor names: a number, or a tuple of several."""
    if text is None:
        return None
    try:
        if not text.isascii() or len(text) > 20 * keys:
            raise ValueError
        place = tuple(int(part) for part in text.split("."))
        if len(place) != keys or any(abs(part) > _BIGGEST for part in place):
            raise ValueError
    except ValueError as error:
        raise Invalid(_("This link to a page of a list cannot be read.")) from error
    return place if keys > 1 else place[0]
