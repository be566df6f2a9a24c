"""`flask --app webapp case reassign` (SPEC C6)."""

from __future__ import annotations

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.cli.command import (
    answers,
    cases_words,
    json_option,
    printable,
    project_option,
    say,
    show,
)
from webapp.cli.run_words import NOBODY_CAME
from webapp.cli.waiting import wait_for
from webapp.database import write_transaction
from webapp.errors import Invalid, Refused
from webapp.extensions import db
from webapp.history.calendar import Calendar
from webapp.history.case_list import CaseFilter, CaseState, matching
from webapp.jobs.queue import get_job, wake
from webapp.people.owners import find_owners
from webapp.projects.operations import get_project
from webapp.sharing.new_owner import new_owner
from webapp.sharing.phone_changes import PhoneChanges, by_moves
from webapp.sharing.reassign import choose, start_reassign


@click.command("reassign")
@project_option
@click.option("--owner", metavar="OWNER", required=True, help="Whose cases: a name, or an id.")
@click.option("--to", metavar="OWNER", required=True, help="Who gets them: a name, or an id.")
@click.option("--case-type", default="", help="Only cases of this type.")
@click.option(
    "--state",
    type=click.Choice([CaseState.OPEN.value, CaseState.CLOSED.value, CaseState.ANY.value]),
    default=CaseState.OPEN.value,
    show_default=True,
)
@click.option("--anyway", is_flag=True, help="Also to an owner whose cases nobody would have.")
@click.option("--dry-run", is_flag=True, help="Only say what it would do.")
@click.option("--wait", is_flag=True, help="Wait until it is done.")
@json_option
@with_appcontext
@answers
def reassign_cases(
    *,
    project_name: str,
    owner: str,
    to: str,
    case_type: str,
    state: str,
    anyway: bool,
    dry_run: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Give the cases of one owner to another, as a job.

    An owner is a mobile worker, a web user, a group that shares cases, or a location, by name (a
    location also by site code), or any id. Where nobody would have the cases afterwards, it says
    why and does nothing without --anyway. Each case is changed by a form, which is in its history;
    the page of the job takes all of it back.
    """
    session = db.session()
    project = get_project(session, project_name)
    wanted = CaseFilter(
        type=case_type, owner=_owner(session, project.id, owner), state=CaseState(state)
    )
    wanted_new = new_owner(session, project.id, to)
    if wanted_new.problem:
        raise Invalid(wanted_new.problem)
    new, doubt = wanted_new.owner_id, wanted_new.doubt
    chosen = choose(session, matching(project.id, wanted, "", Calendar.of(project)), new)
    phones = by_moves(session, project.id, chosen.moves(new))
    for line in _effect(len(chosen), phones):
        say(line)
    if doubt:
        say(printable(doubt))
    document: dict[str, object] = {
        "cases": len(chosen),
        "owner_id": new,
        "doubt": doubt,
        "phones": [
            {"username": one.username, "loses": one.loses, "receives": one.receives}
            for one in phones.phones
        ],
    }
    if dry_run or not len(chosen):
        show(document, [f"{cases_words(len(chosen))} would be reassigned."], as_json=as_json)
        return
    if doubt and not anyway:
        raise Refused("Nothing was changed. With --anyway the cases are reassigned all the same.")
    project_id = project.id
    with write_transaction() as writing:
        job = start_reassign(writing, project_id, chosen, new, by=Actor.command_line())
        job_id = job.id
    wake(job)
    if wait and not wait_for([job_id], "Reassigning"):
        raise click.ClickException(NOBODY_CAME)
    db.session.rollback()
    job = get_job(db.session(), project_id, job_id)
    document |= {"id": job_id, "state": job.state.value, "reassigned": job.succeeded}
    show(document, [f"Job {job_id} is {job.state.value}: {job.succeeded:,} done."], as_json=as_json)


def _owner(session: Session, project_id: int, typed: str) -> str:
    """Whose cases are meant; what nobody is called so is an id itself."""
    found = find_owners(session, project_id, typed)
    if len(found) > 1:
        those = ", ".join(f"{one.code or one.owner_id} ({one.kind.value})" for one in found)
        raise Invalid(f"Several owners are called {printable(typed)!r}; give one by id: {those}")
    return found[0].owner_id if found else typed


def _effect(count: int, phones: PhoneChanges) -> list[str]:
    lines = [f"{cases_words(count)}."]
    if phones.losing:
        most = phones.losing[0]
        those = (
            "1 phone loses open cases at its next sync"
            if len(phones.losing) == 1
            else f"{len(phones.losing):,} phones lose open cases at their next sync"
        )
        lines.append(f"{those}; most: {printable(most.username)} with {most.loses:,}.")
    if phones.receiving:
        most = phones.receiving[0]
        those = (
            "1 phone receives open cases"
            if len(phones.receiving) == 1
            else f"{len(phones.receiving):,} phones receive open cases"
        )
        lines.append(f"{those}; most: {printable(most.username)} with {most.receives:,}.")
    return lines
