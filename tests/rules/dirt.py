"""Random dirty cases and random rules, from a `random.Random`."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from tests.rules.worlds import MOMENT, CaseRow
from webapp.clock import DAY
from webapp.rules.definition import (
    Action,
    Close,
    Copy,
    Criterion,
    DateIs,
    Definition,
    LocationIs,
    Match,
    NotModifiedSince,
    NumberIs,
    ParentClosed,
    PropertyIs,
    Set,
)
from webapp.rules.operators import DATE, NUMBER, PROPERTY, is_blank
from webapp.rules.references import SYSTEM, Reference

NAMES = ("p", "q", "r", "a.b", "x-1", "_")
TEXTS = (
    "",
    " ",
    "\t\r\n ",
    "\xa0",
    "x",
    "X",
    " x",
    "yx1",
    "yes",
    "é",
    "é",
    "😀",
    "%",
    "_",
    "null",
    "true",
    "0",
    "-0",
    "00",
    "1",
    " 1 ",
    "1.",
    ".5",
    "+1",
    "-1",
    "1e3",
    "11.5",
    "-11.50",
    "999999999999999.999999999999999",
    "9999999999999999",
    "１",
    "NaN",
    "2026-02-28",
    "2026-03-01",
    "2026-03-01T23:59:59+14:00",
    "2026-03-02 x",
    "2024-02-29",
    "2023-02-29",
    "2026-3-1",
    "2026-02-30",
    "0000-01-01",
    "0001-01-01",
    "9999-12-31",
    "2026-03-01Z",
    "01/03/2026",
    "20260301",
    "now",
    "2461100.5",
    '"',
    "'",
    "\\",
    "{}",
    "[]",
    "x" * 255,
    "x" * 300,
)


#: Locations that cases may belong to: `tests.rules.places` makes them; nobody has the last.
PLACES = tuple(str(n) * 32 for n in range(6))
#: Who may own a case: some are locations and workers of those, others are nobody.
OWNERS = (*PLACES[:5], *(f"{n}{'a' * 31}" for n in range(5)), "owner-1", "owner-2", "x", "")


def text(random: Random) -> str:
    """A text: mostly one of those above, for two equal ones must meet often."""
    if random.random() < 0.9:
        return random.choice(TEXTS)
    if random.random() < 0.5:
        return (date(2026, 3, 1) + timedelta(days=random.randint(-400, 400))).isoformat()
    return f"{random.uniform(-20, 20):.{random.randint(0, 3)}f}"


def world(random: Random, size: int) -> list[CaseRow]:
    """Cases with indexes among them, also to themselves and in circles."""
    rows = []
    for _ in range(size):
        indices = {}
        for identifier in ("parent", "host", "a", "B"):
            if random.random() < 0.35:
                relationship = random.choice(("child", "extension"))
                indices[identifier] = (random.randrange(size), relationship)
        closed = random.random() < 0.2
        rows.append(
            CaseRow(
                {name: text(random) for name in NAMES if random.random() < 0.6},
                type=random.choice(("patient", "patient", "household", "")),
                name=text(random)[:255],
                owner_id=random.choice(OWNERS),
                external_id=text(random)[:255],
                closed=closed,
                closed_on=MOMENT - random.randint(0, 40) * DAY if closed else None,
                deleted=random.random() < 0.1,
                opened_on=MOMENT + random.randint(-800, 10) * DAY + random.randint(-5, 5),
                modified_on=MOMENT + random.randint(-40, 1) * DAY,
                server_modified_on=MOMENT
                + random.randint(-40, 0) * DAY
                + random.choice((0, 1, -1)),
                indices=indices,
            )
        )
    return rows


def reference(random: Random, names: tuple[str, ...] = NAMES) -> Reference:
    """A reference, mostly to the case itself."""
    path: tuple[str, ...] = ()
    while random.random() < 0.3 and len(path) < 5:
        path = (*path, random.choice(("parent", "host")))
    system = random.random() < 0.2
    return Reference(path, random.choice(tuple(SYSTEM)) if system else random.choice(names))


def criterion(random: Random) -> Criterion:
    """Any criterion that may be saved."""
    kind = random.randrange(9)
    if kind == 0:
        return NotModifiedSince(random.choice((0, 1, 20, 30, 36500)))
    if kind == 1:
        return ParentClosed()
    if kind == 2:
        days = random.choice((0, 0, 1, -1, 60, -60, 36500, -36500))
        return DateIs(reference(random), random.choice(tuple(DATE)), days)
    if kind == 3:
        value = random.choice(("0", "-1", "1", "11.5", "-11.5", "999999999999999.999999999999999"))
        return NumberIs(reference(random), random.choice(tuple(NUMBER)), value)
    if kind == 4:
        return LocationIs(random.choice(PLACES), random.random() < 0.5)
    operator = random.choice(tuple(PROPERTY))
    needs = PROPERTY[operator].needs
    return PropertyIs(
        reference(random),
        operator,
        (text(random) or "x") if needs == "value" else "",
        tuple({text(random) or "x" for _ in range(3)}) if needs == "values" else (),
    )


def actions(random: Random, *, others: bool) -> tuple[Action, ...]:
    """Actions with different targets; `others` allows related cases."""
    found: dict[tuple[tuple[str, ...], str], Action] = {}
    for _ in range(random.randint(0, 4)):
        path: tuple[str, ...] = ()
        while others and random.random() < 0.4 and len(path) < 3:
            path = (*path, random.choice(("parent", "host")))
        target = Reference(path, random.choice((*NAMES, "new", "name", "owner_id", "external_id")))
        if random.random() < 0.5:
            value = text(random)[:255]
            if target.name == "owner_id" and is_blank(value):
                value = "x"
            action: Action = Set(target, value)
        else:
            action = Copy(target, reference(random))
        found[path, target.name] = action
    closes = not found or random.random() < 0.5
    return (*found.values(), *((Close(),) if closes else ()))


def rule(random: Random, *, others: bool = True) -> Definition:
    """A rule that may be saved."""
    match = random.choice((Match.ALL, Match.ALL, Match.ANY, Match.EVERY_CASE))
    criteria = tuple(
        criterion(random) for _ in range(0 if match is Match.EVERY_CASE else random.randint(1, 4))
    )
    return Definition(
        f"Rule {random.randrange(1000)}", "patient", match, criteria, actions(random, others=others)
    )
