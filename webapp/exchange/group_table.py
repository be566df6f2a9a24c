"""Groups of workers as a table: what an export has and an import reads (SPEC U10)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.errors import Invalid, InvalidEntry
from webapp.exchange.cells import yes_no, yes_or_no
from webapp.exchange.people_plan import Change, Detail, Fault, Plan
from webapp.exchange.sheets import Table, renamed
from webapp.people.groups import add_members, create_group, remove_members, set_group
from webapp.people.models import MobileWorker
from webapp.people.names import checked_name
from webapp.people.queries import groups_of
from webapp.people.sharing_models import Group, GroupMember
from webapp.projects.models import Project

NAME, SHARING, REPORTING, MEMBERS = "name", "case sharing", "reporting", "members"
COLUMNS = (NAME, SHARING, REPORTING, MEMBERS)
MOST_ROWS = 5_000
#: Usernames have none of these.
_BETWEEN = re.compile(r"[\s,;]+")


def rows_of(session: Session, project: Project) -> Iterator[list[str]]:
    """The rows of an export: all groups by name, with their members' usernames."""
    members = _members(session, project.id)
    for row in groups_of(session, project.id):
        group = row.group
        names = sorted(worker.username for worker in members.get(group.id, {}).values())
        said = [yes_no(group.case_sharing), yes_no(group.reporting)]
        yield [group.name, *said, "; ".join(names)]


def plan_groups(session: Session, project: Project, table: Table) -> Plan[Group]:
    """What the rows of a table would make and change; a column that is not there changes nothing,
    an empty list of members empties the group. Three queries. Raises `Invalid` for a table that is
    none of groups."""
    table = renamed(table, lambda name: " ".join(name.lower().replace("_", " ").split()))
    _check_head(table.head)
    planning = _Planning(session, project)
    for line, row in table.named():
        planning.take(line, row)
    return planning.plan


def import_groups(session: Session, project: Project, plan: Plan[Group], *, by: Actor) -> None:
    """Do what a plan says that was made in this transaction and has no faults. Raises
    `InvalidEntry` for a name that is taken meanwhile."""
    members = _members(session, project.id)
    for change in plan.changes:
        said, group = change.said, change.there
        if group is None:
            group = create_group(
                session,
                project.id,
                change.name,
                case_sharing=said.get(SHARING, False),
                reporting=said.get(REPORTING, True),
                by=by,
            )
        else:
            set_group(
                session,
                group,
                case_sharing=said.get(SHARING),
                reporting=said.get(REPORTING),
                by=by,
            )
        if MEMBERS in said:
            there = members.get(group.id, {})
            wanted = {worker.id: worker for worker in said[MEMBERS]}
            gone = [worker for key, worker in there.items() if key not in wanted]
            come = [worker for key, worker in wanted.items() if key not in there]
            if gone:
                remove_members(session, group, gone, by=by)
            if come:
                add_members(session, group, come, by=by)
    record(
        session,
        project_id=project.id,
        tag=Tag.GROUPS_IMPORT,
        subject="groups:all",
        by=by,
        after={"added": plan.added, "changed": len(plan.changes) - plan.added},
    )


class _Planning:
    """A plan that is being made, row by row."""

    def __init__(self, session: Session, project: Project) -> None:
        self.plan: Plan[Group] = Plan()
        self._groups = {row.group.name: row.group for row in groups_of(session, project.id)}
        self._members = _members(session, project.id)
        self._workers = {
            worker.username: worker
            for worker in session.scalars(
                select(MobileWorker).where(MobileWorker.project_id == project.id)
            )
        }
        self._seen: dict[str, int] = {}

    def take(self, line: int, row: Mapping[str, str]) -> None:
        """Plan what a row says, or note all that is wrong with it."""
        faults: list[str] = []
        name = row[NAME]
        try:
            name = checked_name(name)
        except InvalidEntry as error:
            faults.append(error.message)
        first = self._seen.setdefault(name, line)
        if first != line:
            faults.append(_("The same group stands in line %(line)s.", line=first))
        said = self._said(row, faults)
        if faults:
            self.plan.faults.append(Fault(line, faults))
            return
        group = self._groups.get(name)
        before = {SHARING: False, REPORTING: True, MEMBERS: []}
        if group is not None:
            members = list(self._members.get(group.id, {}).values())
            before = {SHARING: group.case_sharing, REPORTING: group.reporting, MEMBERS: members}
        differs = {
            key: value for key, value in said.items() if _words(value) != _words(before[key])
        }
        if group is not None and not differs:
            self.plan.unchanged += 1
            return
        labels = {
            SHARING: _("Case sharing"),
            REPORTING: _("Reporting"),
            MEMBERS: _("Members"),
        }
        details = [
            Detail(labels[key], None if group is None else _words(before[key]), _words(value))
            for key, value in differs.items()
        ]
        self.plan.changes.append(Change(line, name, group, differs, details))

    def _said(self, row: Mapping[str, str], faults: list[str]) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for column in (SHARING, REPORTING):
            if row.get(column, "").strip():
                said[column] = yes_or_no(row[column])
                if said[column] is None:
                    faults.append(_("%(column)s: write “yes” or “no”.", column=column))
        if MEMBERS in row:
            names = [name for name in _BETWEEN.split(row[MEMBERS].lower()) if name]
            faults += [
                _("members: there is no worker “%(name)s”.", name=name[:80])
                for name in dict.fromkeys(names)
                if name not in self._workers
            ]
            found = {name: self._workers[name] for name in names if name in self._workers}
            said[MEMBERS] = list(found.values())
        return said


def _members(session: Session, project_id: int) -> dict[int, dict[int, MobileWorker]]:
    """The members of each group that is not deleted, by their keys. One query."""
    rows = session.execute(
        select(GroupMember.group, MobileWorker)
        .join(
            MobileWorker,
            (MobileWorker.project_id == GroupMember.project_id)
            & (MobileWorker.id == GroupMember.worker),
        )
        .where(GroupMember.project_id == project_id)
    )
    found: dict[int, dict[int, MobileWorker]] = {}
    for group, worker in rows:
        found.setdefault(group, {})[worker.id] = worker
    return found


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return yes_no(value)
    return ", ".join(sorted(worker.username for worker in value))


def _check_head(head: Sequence[str]) -> None:
    unknown = [name for name in head if name and name not in COLUMNS]
    if NAME not in head or unknown:
        raise Invalid(
            _(
                "The first line must name the columns: “name”, and of “case sharing”, “reporting”"
                " and “members” those that are to change. An export shows how."
            )
        )
