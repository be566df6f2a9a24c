"""A change that reaches phones is shown before it is made (SPEC C5, C7).

It is made in a transaction, and what it does to owner sets is looked at in the same one. Where a
phone changes, and the person has not seen just that, the transaction is taken back and they are
asked; their answer makes the change again, and counts only if it still does the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.database import write_transaction
from webapp.extensions import db
from webapp.people.owner_changes import OwnerChange, OwnerChanges, compare, phones_of
from webapp.people.turns import hold_people
from webapp.projects.models import Project
from webapp.sharing.astray import Astray, astray
from webapp.sharing.check import uses_sharing
from webapp.sharing.phone_changes import PhoneChanges, by_sets

T = TypeVar("T")

#: So many phones are shown one by one.
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a change gave back; or what it would do to phones, and then nothing is changed."""

    made: T | None
    asks: OwnerChanges | None = None


class _TakenBackError(Exception):
    """Ends a transaction whose change is only to be shown."""


def made_or_asked(
    project: Project, change: Callable[[Session], T], *, always: bool = False
) -> Outcome[T]:
    """Make a change that reaches no phone, or that the person has seen (`seen` in their form).
    Phones that only begin to receive cases, of workers who are new or active again, are not asked
    about; what is big in itself is asked about `always`. Raises what `change` raises."""
    seen = request.form.get("seen", "")

    def is_right(changes: OwnerChanges) -> bool:
        asks = always or changes.changed or changes.stopped
        return not asks or changes.mark == seen

    return _tried(project, change, is_right)


def rehearsed(project: Project, change: Callable[[Session], object]) -> OwnerChanges:
    """What a change would do to phones: it is made and taken back. Raises what `change` raises."""
    changes = _tried(project, change, lambda _changes: False).asks
    assert changes is not None  # nothing is ever right here
    return changes


def _tried(
    project: Project, change: Callable[[Session], T], is_right: Callable[[OwnerChanges], bool]
) -> Outcome[T]:
    project_id = project.id
    changes = OwnerChanges()
    try:
        with write_transaction() as session:
            hold_people(session, project_id)  # what others do meanwhile is not this one's
            before = phones_of(session, project_id)
            made = change(session)
            session.flush()  # what it does is to be found
            changes = compare(before, phones_of(session, project_id))
            if not is_right(changes):
                raise _TakenBackError
    except _TakenBackError:
        return Outcome(None, changes)
    return Outcome(made)


def ask(
    project: Project,
    changes: OwnerChanges,
    *,
    title: str,
    button: str,
    back: str,
    crumbs: list[tuple[str, str | None]],
    text: str = "",
    takes_away: bool = False,
) -> ResponseReturnValue:
    """The page that says what would become of phones. Its form sends the same again to the same
    address, and what was seen. 409 where a person has said yes to something else."""
    fields = [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name not in {"csrf_token", "seen"}
    ]
    again = bool(request.form.get("seen"))
    return render_template(
        "people/confirm.html",
        project=project,
        changes=changes,
        cases=cases_of(project, changes),
        astray=astray_of(project, changes),
        still_wrong=still_wrong_of(project, changes),
        shown=SHOWN,
        title=title,
        text=text,
        button=button,
        takes_away=takes_away,
        back=back,
        crumbs=crumbs,
        here=request.path,
        fields=fields,
        again=again,
    ), 409 if again else 200


def cases_of(project: Project, changes: OwnerChanges) -> PhoneChanges:
    """How many cases the phones lose and receive. A second or so where owners have very many."""
    before = {one.username: one.before.ids for one in changes.changes if one.before}
    after = {one.username: one.after.ids for one in changes.changes if one.after}
    return by_sets(db.session(), project.id, before, after)


def astray_of(project: Project, changes: OwnerChanges) -> Astray:
    """Whose cases are on no phone any more, and how many. Costs as `cases_of`."""
    return astray(db.session(), project.id, changes.astray)


def still_wrong_of(project: Project, changes: OwnerChanges) -> list[OwnerChange]:
    """Whose sharing will be wrong and was not right before; nobody's where nothing is shared. One
    query."""
    return changes.still_without_one if uses_sharing(db.session(), project.id) else []
