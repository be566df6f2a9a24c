"""Submit History as a file (SPEC U6, U10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs

from flask_babel import gettext as _
from sqlalchemy import Select, select

from webapp.exchange.listing import Column, Listing, Value
from webapp.history.changes import CaseChange
from webapp.history.filters import parse
from webapp.history.rows import SubmissionRow, TouchedCase, rows
from webapp.history.search import keys_of, matching
from webapp.history.words import form_title, state_word, type_word
from webapp.submissions.models import State, Submission

#: So many cases of a form are named, and so many names of what changed in one.
NAMED, CHANGED = 50, 50


class FormList(Listing):
    """A row for each form."""

    @property
    def title(self) -> str:
        """What it is a list of."""
        return str(_("Forms"))

    def keys(self) -> Select[int]:
        """Newest first, by what the page sorts them by."""
        wanted = parse(parse_qs(self.query), self.calendar.today)
        statement = matching(self.project.id, wanted, self.calendar)
        return statement.with_only_columns(Submission.id).order_by(
            *(key.desc() for key in keys_of(wanted))
        )

    def columns(self) -> Sequence[Column]:
        """What the list shows, and the ids of all of it."""
        return (
            Column(_("Received"), instant=True),
            Column(_("Completed"), instant=True),
            Column(_("Form")),
            Column(_("Form xmlns")),
            Column(_("Application id")),
            Column(_("Form id")),
            Column(_("User")),
            Column(_("User id")),
            Column(_("User type")),
            Column(_("State")),
            Column(_("Problem")),
            Column(_("Run")),
            Column(_("Number of cases")),
            Column(_("Cases")),
            Column(_("Case ids")),
            Column(_("What changed")),
        )

    def rows(self, keys: Sequence[int]) -> Iterator[list[Value]]:
        """Four queries."""
        project_id = self.project.id
        found = self.session.scalars(
            select(Submission).where(
                Submission.project_id + 0 == project_id, Submission.id.in_(keys)
            )
        )
        by_key = {one.id: one for one in found}
        forms = [by_key[key] for key in keys]
        for row in rows(self.session, project_id, forms, named=NAMED):
            yield _line(row)
        self.session.expunge_all()


def _line(row: SubmissionRow) -> list[Value]:
    one = row.submission
    return [
        one.received_on,
        one.time_end,
        form_title(one, row.rule_version),
        one.xmlns,
        one.app_id,
        one.submission_id,
        one.username,
        one.user_id,
        type_word(row.user_type),
        state_word(one.state),
        one.problem,
        one.run_id,
        len(row.cases) + row.more_cases,
        _several([case.name for case in row.cases], row.more_cases),
        _several([case.case_id for case in row.cases], row.more_cases),
        _changed(row),
    ]


def _several(words: Sequence[str], more: int) -> str:
    listed = "; ".join(words)
    return _("%(listed)s; and %(count)s more", listed=listed, count=more) if more else listed


def _changed(row: SubmissionRow) -> str:
    if row.submission.state is State.ARCHIVED:
        return _("taken back")
    if not row.submission.live:
        return ""
    if len(row.cases) == 1 and not row.more_cases:
        return _change(row.cases[0].change)
    return _several([_of_case(case) for case in row.cases], row.more_cases)


def _of_case(case: TouchedCase) -> str:
    return _("%(case)s: %(change)s", case=case.name or case.case_id, change=_change(case.change))


def _change(change: CaseChange) -> str:
    if change.opened and change.closed:
        word = _("opened and closed")
    elif change.opened:
        word = _("opened")
    elif change.closed:
        word = _("closed")
    else:
        word = _("updated") if change.names else _("nothing")
    names = ", ".join(change.names[:CHANGED])
    return _("%(what)s (%(names)s)", what=word, names=names) if names else word
