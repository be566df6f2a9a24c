"""The `flask --app webapp …` commands, by noun (SPEC L1)."""

from __future__ import annotations

from flask import Flask

from webapp.cli.cases import case_group
from webapp.cli.demo import demo
from webapp.cli.forms import forms_group
from webapp.cli.init import init
from webapp.cli.keys import key_group
from webapp.cli.projects import project_group
from webapp.cli.rules import rules_group
from webapp.cli.runs import runs_group
from webapp.cli.submit import submit
from webapp.cli.up import up
from webapp.cli.verify import verify
from webapp.cli.web_users import web_user_group
from webapp.cli.workers import worker_group

COMMANDS = (
    up,
    init,
    demo,
    project_group,
    web_user_group,
    worker_group,
    key_group,
    submit,
    case_group,
    forms_group,
    rules_group,
    runs_group,
    verify,
)


def register(app: Flask) -> None:
    """Give the application its commands."""
    for command in COMMANDS:
        app.cli.add_command(command)
