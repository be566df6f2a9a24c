"""The list of all cases that a rule would change, page by page and as CSV (SPEC R25)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask import Response
from flask_babel import ngettext
from sqlalchemy.orm import Session

from webapp.people.owners import names_of_owners
from webapp.projects.models import Project
from webapp.rules.changed_cases import ChangedCase, ChangedCases, changed_cases
from webapp.rules.definition import Definition
from webapp.rules.naming import learn_owners
from webapp.rules.preview import LIMIT_S
from webapp.web.csv_answer import csv_answer
from webapp.web.formatting import number
from webapp.web.hung_up import ends_when_hung_up
from webapp.web.rule_preview import moment_of

#: Cases on a page, and cases that are read at once for a file.
SHOWN, READ = 50, 500
#: The columns of a file: a line for each value that changes, or for a case without any.
HEAD = (
    *("case_id", "name", "owner_id", "owner", "closes"),
    *("changed_case_id", "property", "before", "after"),
)


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """Some of the `total` cases: those from the place `first` on, counted from 0. `newer` and
    `older` are cursors, for what stands before and after them; None where there is nothing."""

    rows: Sequence[ChangedCase]
    first: int
    total: int
    newer: str | None
    older: str | None
    names: Mapping[str, str]


def changed_page(
    session: Session,
    project: Project,
    definition: Definition,
    as_of: int | None,
    given: Mapping[str, str],
) -> ChangedPage:
    """The page after the case that `after` names, or before that of `before`; else the first.
    Raises `TooSlow`. Costs what `changed_cases` does: a page is exact, and of one state."""
    listed = _listed(session, project, definition, as_of)
    first = 0
    if cursor := given.get("after"):
        place, there = listed.place(cursor)
        first = place + there
    elif cursor := given.get("before"):
        first = max(0, listed.place(cursor)[0] - SHOWN)
    if first >= len(listed):
        first = max(0, len(listed) - SHOWN)
    end = min(first + SHOWN, len(listed))
    rows = listed.read(first, end)
    learn_owners(_values(rows))
    return ChangedPage(
        rows,
        first,
        len(listed),
        listed.cursor(first) if first else None,
        listed.cursor(end - 1) if end < len(listed) else None,
        _names(session, project, rows),
    )


def changed_csv(
    session: Session, project: Project, definition: Definition, as_of: int | None
) -> Response:
    """All of them as a file. They are found before anything is answered, and raise `TooSlow` then;
    what each is like is read while the answer is on its way."""
    listed = _listed(session, project, definition, as_of)
    return csv_answer("cases-of-rule.csv", HEAD, _lines(session, project.id, listed))


def _listed(
    session: Session, project: Project, definition: Definition, as_of: int | None
) -> ChangedCases:
    moment = moment_of(project, as_of)
    return changed_cases(
        session, project.id, definition, moment, limit_s=LIMIT_S, watched=ends_when_hung_up
    )


def _lines(session: Session, project_id: int, listed: ChangedCases) -> Iterator[tuple[object, ...]]:
    """Some hundred cases at a time, each in a transaction of its own: whoever reads slowly keeps
    nobody waiting. What has changed meanwhile is left out, and the last line says how many."""
    left_out = 0
    for first in range(0, len(listed), READ):
        end = min(first + READ, len(listed))
        rows = listed.read(first, end)
        left_out += end - first - len(rows)
        names = names_of_owners(session, project_id, _owners(rows))
        session.rollback()
        for row in rows:
            change = row.change
            case = (
                *(change.case_id, change.name, row.owner_id, names.get(row.owner_id, "")),
                "yes" if change.closes else "no",
            )
            for value in change.changes:
                yield (*case, value.case_id, value.property, value.before, value.after)
            if not change.changes:
                yield (*case, "", "", "", "")
    if left_out:
        sentence = ngettext(
            "%(number)s case is not listed: it changed while this file was written.",
            "%(number)s cases are not listed: they changed while this file was written.",
            left_out,
            number=number(left_out),
        )
        yield (sentence, *[""] * (len(HEAD) - 1))


def _values(rows: Sequence[ChangedCase]) -> Iterator[tuple[str, str | None]]:
    for row in rows:
        for one in row.change.changes:
            yield from ((one.property, one.before), (one.property, one.after))


def _names(session: Session, project: Project, rows: Sequence[ChangedCase]) -> dict[str, str]:
    return names_of_owners(session, project.id, _owners(rows))


def _owners(rows: Sequence[ChangedCase]) -> Collection[str]:
    return {row.owner_id for row in rows} - {""}
