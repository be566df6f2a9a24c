"""The `flask --app webapp …` commands, by noun (SPEC L1)."""

from __future__ import annotations

from flask import Flask

from webapp.cli.cases import case_group
from webapp.cli.forms import forms_group
from webapp.cli.init import init
from webapp.cli.submit import submit
from webapp.cli.verify import verify

COMMANDS = (
    init,
    submit,
    case_group,
    forms_group,
    verify,
)


def register(app: Flask) -> None:
    """Give the application its commands."""
    for command in COMMANDS:
        app.cli.add_command(command)
