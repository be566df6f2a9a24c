"""What the first start makes, so that a person can sign in at once (SPEC X6)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from webapp.audit.actor import Actor
from webapp.database import lock_name, write_transaction
from webapp.people.models import WebUser
from webapp.people.operations import add_member, create_web_user, create_worker
from webapp.people.passwords import new_password
from webapp.projects.models import Project
from webapp.projects.operations import create_project

FILE = "first-login.txt"
#: The username of its mobile worker.
WORKER = "demo-worker"


@dataclass(frozen=True, slots=True)
class FirstLogin:
    """What to tell the person, once."""

    email: str
    password: str
    project: str
    worker: str
    worker_password: str
    #: Where all of it stands too, for the owner's eyes only.
    file: Path


def first_start(data: Path) -> FirstLogin | None:
    """Make the project `demo` with an administrator and a mobile worker, with random passwords,
    and leave these in `<data>/first-login.txt` (mode 0600).

    None, and nothing is done, when there is a web user already: then somebody can sign in, and
    knows how. Needs an application context; makes its own transaction, so that a file that cannot
    be written leaves no account whose password nobody knows. Raises `OSError` then.
    """
    by = Actor.system("first start")
    with write_transaction() as session:
        lock_name(session, "first start")
        if session.scalar(select(WebUser.id).limit(1)) is not None:
            return None
        project = session.scalar(select(Project).where(Project.name == "demo"))
        if project is None:
            project = create_project(session, "demo", title="Demo Health", by=by)
        login = FirstLogin(
            email="admin@demo.example",
            password=new_password(),
            project=project.name,
            worker=WORKER,
            worker_password=new_password(),
            file=data / FILE,
        )
        user = create_web_user(session, login.email, login.password, by=by)
        add_member(session, project, user, "admin", by=by)
        create_worker(session, project, login.worker, login.worker_password, by=by)
        session.flush()  # what the database refuses is to be known before the file is there
        _write(login)
    return login


def _write(login: FirstLogin) -> None:
    text = (
        "The first accounts of this Casekeeper. Change the passwords, then delete this file.\n\n"
        f"Web site       {login.email}\n"
        f"password       {login.password}\n\n"
        f"Mobile worker  {login.worker} (project {login.project})\n"
        f"password       {login.worker_password}\n\n"
        "To change them (each asks for the new password on standard input):\n\n"
        f"  .venv/bin/flask --app webapp webuser set {login.email} --password -\n"
        f"  .venv/bin/flask --app webapp worker set {login.worker} --project {login.project}"
        " --password -\n"
    )
    # Removed first: an older file keeps its mode, and its readers.
    login.file.unlink(missing_ok=True)
    descriptor = os.open(login.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
