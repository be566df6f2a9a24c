"""How many open cases a rule's criteria leave, and how many of these would change: in one pass
(SPEC R25)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session, aliased

from webapp.cases.models import Case
from webapp.rules.blanks import Blank, blanks_of, lacks
from webapp.rules.compile import day_of, funnel, of_type, outcome, unreadable
from webapp.rules.definition import Copy, Criterion, DateIs, Definition, LocationIs, Match
from webapp.rules.family import Family
from webapp.rules.moment import Moment
from webapp.rules.references import OWNER_ID, Reference


@dataclass(frozen=True, slots=True)
class Step:
    """A criterion: how many cases are left after it (`all`), or fulfil it (`any`)."""

    criterion: Criterion
    cases: int


@dataclass(frozen=True, slots=True)
class BlankStep:
    """What blanks do, and in how many open cases of the type there is such a blank."""

    blank: Blank
    cases: int


@dataclass(frozen=True, slots=True)
class Counted:
    """The open cases of a rule's type, and those that match; of these, how many would change and
    how many cannot, where the rule writes to no other case. `unreadable` counts, for criteria that
    compare dates or numbers, the open cases with a value that is none."""

    open_cases: int
    matched: int
    changed: int
    errors: int
    funnel: tuple[Step, ...]
    unreadable: tuple[Step, ...]
    blanks: tuple[BlankStep, ...]


def count_cases(
    session: Session, project_id: int, definition: Definition, moment: Moment
) -> Counted:
    """One query, which looks at each open case of the type once."""
    family, is_narrow = _family(session, project_id, definition)
    checks = [(one, unreadable(family, one)) for one in definition.criteria]
    bad = [(one, check) for one, check in checks if check is not None]
    blanks = blanks_of(definition)
    flags = [_number(check) for _one, check in bad]
    flags += [lacks(family, one.subject) for one in blanks]
    then = None if definition.touches_others else outcome(family, definition)
    columns = {
        f"level{number}": level
        for number, level in enumerate(funnel(family, definition, moment, then))
    }
    columns |= {f"flag{n}": flag for n, flag in enumerate(flags)}
    rows = family.select(*(column.label(name) for name, column in columns.items()))
    rows = apart(session, rows if is_narrow else of_type(rows, definition.case_type))
    of_each = _any if definition.match is Match.ANY else _all
    total, steps, ends, flagged = of_each(session, len(definition.criteria), len(flags), rows)
    return Counted(
        open_cases=total,
        matched=sum(ends),
        changed=sum(ends) if then is None else ends[2],
        errors=0 if then is None else ends[0],
        funnel=tuple(map(Step, definition.criteria, steps)),
        unreadable=tuple(Step(one, n) for (one, _), n in zip(bad, flagged, strict=False)),
        blanks=tuple(map(BlankStep, blanks, flagged[len(bad) :])),
    )


def _family(session: Session, project_id: int, definition: Definition) -> tuple[Family, bool]:
    """The cases to look at, and whether they are those of the type alone. What criteria read there
    is read once, and not for each of the things that are asked about it; whether it is a date
    takes longest."""
    family = Family(project_id)
    own = dict.fromkeys(one for one in _read(definition) if not one.path)
    if not own:
        return family, False
    others = [one for one in _written(definition) if not one.path and one not in own]
    attributes = {"id", "project_id", "server_modified_on"}
    attributes |= {one.attribute or "properties" for one in others}
    table = apart(
        session,
        of_type(
            family.select(
                *(getattr(Case, name) for name in sorted(attributes)),
                *(family.text(one).label(f"text{n}") for n, one in enumerate(own)),
            ),
            definition.case_type,
        ),
    ).subquery()
    texts = {one: table.c[f"text{n}"] for n, one in enumerate(own)}
    dates = dict.fromkeys(
        one.property
        for one in definition.criteria
        if isinstance(one, DateIs) and not one.property.path
    )
    if dates:
        days = (day_of(texts[one]).label(f"day{n}") for n, one in enumerate(dates))
        known = [column for column in table.c if column.name != _APART]
        table = apart(session, select(*known, *days)).subquery()
        texts = {one: table.c[f"text{n}"] for n, one in enumerate(own)}
    of_table = aliased(Case, table, adapt_on_names=True)
    days_there = {one: table.c[f"day{n}"] for n, one in enumerate(dates)}
    return Family(project_id, of_table, texts, days_there), True


def _read(definition: Definition) -> Iterator[Reference]:
    """What the criteria of a rule read."""
    for criterion in definition.criteria:
        reference: Reference | None = getattr(criterion, "property", None)
        if isinstance(criterion, LocationIs):
            reference = OWNER_ID
        if reference is not None:
            yield reference


def _written(definition: Definition) -> Iterator[Reference]:
    """What a rule writes to, and copies."""
    for action in definition.updates:
        yield action.property
        if isinstance(action, Copy):
            yield action.source


#: Of all cases, those of each step of the funnel, those that match by what becomes of them
#: (`compile.outcome`; all in the first where that is the same), and those with each flag.
_Counts = tuple[int, Sequence[int], Sequence[int], Sequence[int]]
#: The column that keeps them apart, where there is one.
_APART = "apart"
#: As many as there are outcomes.
_ENDS = 3


def _all(session: Session, count: int, flags: int, rows: Select[tuple[int, ...]]) -> _Counts:
    """A case is at the level of the first criterion that is not true; where all are, at one for
    each outcome above these."""
    inner = rows.subquery()
    levels = [_number(inner.c.level0 == level) for level in range(count + _ENDS)]
    total, *at = _sums(session, [*levels, *(inner.c[f"flag{number}"] for number in range(flags))])
    steps = [sum(at[number + 1 : count + _ENDS]) for number in range(count)]
    return total, steps, at[count : count + _ENDS], at[count + _ENDS :]


def _any(session: Session, count: int, flags: int, rows: Select[tuple[int, ...]]) -> _Counts:
    """A case has a 1 for each criterion that is true, and where one is, maybe its outcome."""
    inner = rows.subquery()
    levels = [inner.c[f"level{number}"] for number in range(count)]
    if f"level{count}" in inner.c:
        ends = [_number(inner.c[f"level{count}"] == end) for end in range(_ENDS)]
    else:
        ends = [_number(sum(levels[1:], levels[0]) > 0)]
    flagged = [inner.c[f"flag{number}"] for number in range(flags)]
    total, *rest = _sums(session, [*levels, *ends, *flagged])
    after = count + len(ends)
    return total, rest[:count], rest[count:after], rest[after:]


def apart(session: Session, rows: Select[tuple[int, ...]]) -> Select[tuple[int, ...]]:
    """Columns for a subquery that is computed by itself, once for each case; else they would be
    put into each place that names them, and computed there anew."""
    if session.get_bind().dialect.name == "sqlite":
        return rows.limit(-1)
    # The clock is never the same twice; a limit would keep processes from sharing the work.
    return rows.add_columns(func.clock_timestamp().label(_APART))


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _sums(session: Session, columns: Sequence[ColumnElement[int]]) -> list[int]:
    """The number of all cases, and the sums of columns: 0 where there is no case."""
    row = session.execute(select(func.count(), *map(func.sum, columns))).one()
    return [value or 0 for value in row]
