"""`flask --app webapp demo`: a project as it looks after two years (SPEC L1)."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import select

from webapp.audit.actor import Actor
from webapp.cli.command import answers, json_option, progress, say, show
from webapp.config import Settings
from webapp.demo import build
from webapp.demo.build import Demo, Made
from webapp.embedded.data_folder import only_instance
from webapp.extensions import db
from webapp.people.first_start import first_start
from webapp.people.models import WebUser


@click.command("demo")
@click.option("--project", "name", metavar="NAME", default=build.NAME, show_default=True)
@click.option("--seed", default=build.SEED, show_default=True, help="Another one, other people.")
@json_option
@with_appcontext
@answers
def demo(name: str, seed: int, as_json: bool) -> None:
    """Make a project that looks as if it had been used for two years: a programme for maternal
    health with its people, cases, forms and rules, all of them made up.

    For a new project or one without forms; what was broken off is finished. Stop the server first:
    while it is made, the project lives in the past. The first web user of an installation gets a
    login, as with ./run.
    """
    settings: Settings = current_app.extensions["settings"]
    with ExitStack() as stack:
        if settings.embedded:
            stack.enter_context(only_instance(settings.data))
        login = first_start(settings.data) if name == build.NAME else None
        made = make(name, seed, by=Actor.command_line())
    show(asdict(made) | {"id": made.project_id}, [line(made)], as_json=as_json)
    if login is not None:
        say(f"Sign in as {login.email} with the password {login.password}; see {login.file}.")
    elif db.session.scalar(select(WebUser.id).limit(1)) is not None:
        say(f"To let somebody in: webuser create EMAIL --project {name} --role admin")


def make(name: str, seed: int, *, by: Actor) -> Made:
    """Make it or finish it, with a bar to watch. Raises `Refused` for a project in use."""
    story = Demo.begin(name, seed=seed, by=by)
    with progress(len(story.events), f"Two years of “{name}”") as advance:
        return story.play(advance)


def line(made: Made) -> str:
    """What was made, for people."""
    return (
        f"The project “{made.name}” has {made.workers} mobile workers, {made.cases:,} cases and"
        f" {made.forms:,} forms, all of them made up."
    )
