"""`flask --app webapp case list / show / rebuild`; `reassign` is in `webapp.cli.case_reassign`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.cases.models import Case, CaseIndex, CaseTransaction
from webapp.cases.store import keys_of
from webapp.cli.case_reassign import reassign_cases
from webapp.cli.command import (
    answers,
    form_name,
    instant,
    json_option,
    limit_option,
    printable,
    progress,
    project_option,
    say,
    show,
)
from webapp.database import write_transaction
from webapp.errors import NotFound
from webapp.extensions import db
from webapp.history.calendar import Calendar
from webapp.history.case_list import CaseFilter, CaseState, matching
from webapp.joins import row_of
from webapp.projects.operations import get_project
from webapp.submissions.models import Submission
from webapp.submissions.rebuild import rebuild

#: Cases that are rebuilt in one transaction: people wait no longer than for these.
BATCH = 200


@click.group("case")
def case_group() -> None:
    """Look at cases, give them to others, and rebuild them."""


case_group.add_command(reassign_cases)


@case_group.command("list")
@project_option
@click.option("--type", "case_type", default="", help="Only of this case type.")
@click.option("--owner", metavar="ID", default="", help="Only of the owner with this id.")
@click.option(
    "--state",
    type=click.Choice([state.value for state in CaseState]),
    default=CaseState.OPEN.value,
    show_default=True,
)
@click.option("--search", default="", help="A part of the name, or a case id or external id.")
@limit_option
@json_option
@with_appcontext
@answers
def list_cases(
    *,
    project_name: str,
    case_type: str,
    owner: str,
    state: str,
    search: str,
    limit: int,
    as_json: bool,
) -> None:
    """List cases, newest change first."""
    session = db.session()
    project = get_project(session, project_name)
    wanted = CaseFilter(type=case_type, owner=owner, state=CaseState(state))
    found = matching(project.id, wanted, search, Calendar.of(project))
    newest_first = [key.desc() for key in wanted.keys]
    cases = session.scalars(found.order_by(*newest_first).limit(limit)).all()
    show(
        {"cases": [_brief(case) for case in cases]},
        [
            f"{case.case_id}  {_state(case)}  {printable(case.type)}  {printable(case.name)}"
            for case in cases
        ],
        as_json=as_json,
    )


@case_group.command("show")
@project_option
@click.argument("case_ids", metavar="ID…", nargs=-1, required=True)
@json_option
@with_appcontext
@answers
def show_case(project_name: str, case_ids: tuple[str, ...], as_json: bool) -> None:
    """Show cases: what they are now, and their forms.

    With several, the JSON document has them as “cases”, in the order in which they were named.
    """
    session = db.session()
    project = get_project(session, project_name)
    documents = []
    for case_id in case_ids:
        case = session.scalar(
            select(Case).where(Case.project_id == project.id, Case.case_id == case_id)
        )
        if case is None:
            raise NotFound(f"There is no case “{case_id}” in {project_name}.")
        documents.append(_document(session, case))
    lines = [line for document in documents for line in ("", *_lines(document))][1:]
    show(documents[0] if len(documents) == 1 else {"cases": documents}, lines, as_json=as_json)


@case_group.command("rebuild")
@project_option
@click.argument("case_ids", metavar="ID…", nargs=-1)
@click.option("--all", "all_cases", is_flag=True, help="Every case of the project.")
@json_option
@with_appcontext
@answers
def rebuild_cases(
    project_name: str, case_ids: tuple[str, ...], all_cases: bool, as_json: bool
) -> None:
    """Rebuild cases from their live forms.

    That changes nothing, unless something has damaged the database: the number of cases that were
    wrong is printed. (To look without mending: verify.)
    """
    if bool(case_ids) == all_cases:
        raise click.UsageError("Name the cases, or give --all: one of the two.")
    session = db.session()
    project_id = get_project(session, project_name).id
    if all_cases:
        total = session.scalar(select(func.count()).where(Case.project_id == project_id)) or 0
        batches = _all_keys(project_id)
    else:
        keys = keys_of(session, project_id, set(case_ids))
        for case_id in case_ids:
            if case_id not in keys:
                raise NotFound(f"There is no case “{case_id}” in {project_name}.")
        total, batches = len(keys), iter([sorted(keys.values())])
    wrong = 0
    with progress(total, "Rebuilding") as advance:
        for some in batches:
            wrong += _rebuild(project_id, project_name, some)
            advance(len(some))
    show(
        {"cases": total, "wrong": wrong},
        [f"{total} rebuilt; {wrong} had been wrong."],
        as_json=as_json,
    )
    if wrong:
        say("A case was not what its forms make of it. Please look for the cause.")


def _rebuild(project_id: int, project_name: str, keys: Sequence[int]) -> int:
    with write_transaction() as session:
        wrong = rebuild(session, project_id, keys)
        if wrong:
            record(
                session,
                project_id=project_id,
                tag=Tag.CASE_REBUILD,
                subject=f"project:{project_name}",
                by=Actor.command_line(),
                after={"cases": wrong},
            )
    return wrong


def _all_keys(project_id: int) -> Iterator[Sequence[int]]:
    after = 0
    while True:
        keys = db.session.scalars(
            select(Case.id)
            .where(Case.project_id == project_id, Case.id > after)
            .order_by(Case.id)
            .limit(BATCH)
        ).all()
        if not keys:
            return
        yield keys
        after = keys[-1]


def _state(case: Case) -> str:
    return "deleted" if case.deleted else "closed" if case.closed else "open"


def _brief(case: Case) -> dict[str, Any]:
    return {
        "id": case.case_id,
        "name": case.name,
        "type": case.type,
        "state": _state(case),
        "owner_id": case.owner_id,
        "external_id": case.external_id,
        "server_modified_on": instant(case.server_modified_on),
    }


def _document(session: Session, case: Case) -> dict[str, Any]:
    target = select(
        CaseIndex.identifier, Case.case_id, CaseIndex.target_type, CaseIndex.relationship
    ).join(Case, row_of(Case, CaseIndex.target, CaseIndex.project_id))
    forms = select(
        Submission.submission_id,
        Submission.name,
        Submission.xmlns,
        Submission.run_id,
        Submission.state,
        Submission.received_on,
    ).join(
        CaseTransaction,
        row_of(Submission, CaseTransaction.submission, CaseTransaction.project_id),
    )
    return {
        "id": case.case_id,
        "name": case.name,
        "type": case.type,
        "state": _state(case),
        "owner_id": case.owner_id,
        "external_id": case.external_id,
        "opened_on": instant(case.opened_on),
        "opened_by": case.opened_by,
        "modified_on": instant(case.modified_on),
        "modified_by": case.modified_by,
        "closed_on": instant(case.closed_on),
        "closed_by": case.closed_by,
        "server_modified_on": instant(case.server_modified_on),
        "indexed_on": instant(case.indexed_on),
        "properties": dict(sorted(case.properties.items())),
        "indices": {
            identifier: {"case_id": to, "case_type": case_type, "relationship": relationship}
            for identifier, to, case_type, relationship in session.execute(
                target.where(
                    CaseIndex.project_id == case.project_id, CaseIndex.case == case.id
                ).order_by(CaseIndex.identifier)
            )
        },
        "forms": [
            {
                "id": form,
                "name": name,
                "xmlns": xmlns,
                # The number of the run in which a rule wrote it.
                "run": run,
                "state": state.value,
                "received_on": instant(received_on),
            }
            for form, name, xmlns, run, state, received_on in session.execute(
                forms.where(
                    CaseTransaction.project_id == case.project_id, CaseTransaction.case == case.id
                ).order_by(Submission.received_on)
            )
        ],
    }


def _lines(document: dict[str, Any]) -> Iterator[str]:
    for name, value in document.items():
        if isinstance(value, str) and value:
            yield f"{name}: {printable(value)}"
    for name, value in document["properties"].items():
        yield f"  {printable(name)} = {printable(value)}"
    for identifier, index in document["indices"].items():
        yield f"  {identifier} -> {index['case_id']} ({index['relationship']})"
    for form in document["forms"]:
        name = printable(form_name(form))
        yield f"  {form['received_on']}  {form['state']}  {form['id']}  {name}"
