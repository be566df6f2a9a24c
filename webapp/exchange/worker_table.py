"""Mobile workers as a table: what an export has and an import reads (SPEC U10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.errors import Invalid
from webapp.exchange.cells import list_of, yes_no
from webapp.exchange.people_plan import Plan
from webapp.exchange.sheets import Table, renamed
from webapp.exchange.worker_rows import DATA, PASSWORD, USERNAME, WorkerRows
from webapp.people.many import SOME, Said, set_many
from webapp.people.models import MobileWorker
from webapp.people.operations import SHORTEST_WORKER
from webapp.people.passwords import PasswordHash, hash_password
from webapp.people.queries import belongings, workers_of
from webapp.projects.models import Project

_SAID = ("first name", "last name", "active", "groups", "locations")
COLUMNS = (USERNAME, PASSWORD, *_SAID)
#: So many rows are read from a file.
MOST_ROWS = 5_000


def rows_of(session: Session, project: Project) -> tuple[list[str], Iterator[list[str]]]:
    """The head and the rows of an export: all workers by username, without passwords."""
    workers = session.scalars(workers_of(project.id)).all()
    names = sorted({name for worker in workers for name in worker.user_data})
    head = [USERNAME, *_SAID, *(f"{DATA} {name}" for name in names)]
    return head, _rows(session, project, workers, names)


def _rows(
    session: Session, project: Project, workers: Sequence[MobileWorker], names: Sequence[str]
) -> Iterator[list[str]]:
    for start in range(0, len(workers), SOME):
        some = workers[start : start + SOME]
        belongs = belongings(session, project.id, some)
        for worker in some:
            yield [
                worker.username,
                worker.first_name,
                worker.last_name,
                yes_no(worker.active),
                list_of(group.name for group in belongs[worker.id].groups),
                list_of(location.site_code for location in belongs[worker.id].locations),
                *(worker.user_data.get(name, "") for name in names),
            ]


def plan_workers(session: Session, project: Project, table: Table) -> Plan[MobileWorker]:
    """What the rows of a table would make and change; a column that is not there changes nothing,
    an empty cell empties its value, but for a password, which stays. Some ten queries. Raises
    `Invalid` for a table that is none of workers."""
    table = renamed(table, _column)
    _check_head(table.head)
    rows = WorkerRows(session, project, table)
    for line, row in table.named():
        rows.take(line, row)
    return rows.plan


def without_password(plan: Plan[MobileWorker]) -> set[str]:
    """The usernames of those whom a plan makes without a password: nobody can sign in as them."""
    return {one.name for one in plan.changes if one.there is None and PASSWORD not in one.said}


def hashed_passwords(plan: Plan[MobileWorker]) -> dict[str, PasswordHash]:
    """The hashes of a plan's passwords by username. Some 30 ms each, so not in a transaction that
    writes."""
    return {
        change.name: PasswordHash(hash_password(change.said[PASSWORD], shortest=SHORTEST_WORKER))
        for change in plan.changes
        if PASSWORD in change.said
    }


def import_workers(
    session: Session,
    project: Project,
    plan: Plan[MobileWorker],
    passwords: Mapping[str, PasswordHash],
    *,
    by: Actor,
) -> None:
    """Do what a plan says that was made in this transaction and has no faults. Raises what
    `set_many` does."""
    said = [
        Said(
            change.name,
            worker=change.there,
            password=passwords.get(change.name),
            active=change.said.get("active"),
            first_name=change.said.get("first name"),
            last_name=change.said.get("last name"),
            user_data=change.said.get(DATA),
            groups=change.said.get("groups"),
            locations=change.said.get("locations"),
        )
        for change in plan.changes
    ]
    set_many(session, project, said, by=by)
    record(
        session,
        project_id=project.id,
        tag=Tag.WORKERS_IMPORT,
        subject="workers:all",
        by=by,
        after={"added": plan.added, "changed": len(plan.changes) - plan.added},
    )


def _column(name: str) -> str:
    """How a column is called here: any case, and `first_name` as well; the name of user data is
    kept as it is."""
    plain = name.strip()
    if plain.lower().startswith(DATA):
        return f"{DATA} {plain[len(DATA) :].strip()}"
    return " ".join(plain.lower().replace("_", " ").split())


def _check_head(head: Sequence[str]) -> None:
    if USERNAME not in head:
        raise Invalid(
            _("The first line must name the columns, among them “username”. An export shows how.")
        )
    unknown = [name for name in head if name and name not in COLUMNS and name[:5] != DATA]
    if unknown:
        raise Invalid(
            _(
                "The columns are %(columns)s, and “data: …” for user data; “%(unknown)s” is none of"
                " them.",
                columns=", ".join(COLUMNS),
                unknown=unknown[0][:80],
            )
        )
