"""The `flask --app webapp …` commands, by noun (SPEC L1)."""

from __future__ import annotations

from importlib import import_module

from click import Command, Context
from flask import Flask
from flask.cli import AppGroup

#: Where each is. It is loaded when somebody asks for it: servers and workers never do, and the
#: making of demonstrations alone is a tenth of what a command takes to start.
COMMANDS = {
    "up": "webapp.cli.up:up",
    "init": "webapp.cli.init:init",
    "demo": "webapp.cli.demo:demo",
    "project": "webapp.cli.projects:project_group",
    "webuser": "webapp.cli.web_users:web_user_group",
    "worker": "webapp.cli.workers:worker_group",
    "group": "webapp.cli.groups:group_group",
    "level": "webapp.cli.levels:level_group",
    "location": "webapp.cli.locations:location_group",
    "key": "webapp.cli.keys:key_group",
    "submit": "webapp.cli.submit:submit",
    "case": "webapp.cli.cases:case_group",
    "forms": "webapp.cli.forms:forms_group",
    "casetype": "webapp.cli.case_types:casetype_group",
    "dictionary": "webapp.cli.dictionary:dictionary_group",
    "rules": "webapp.cli.rules:rules_group",
    "runs": "webapp.cli.runs:runs_group",
    "sharing": "webapp.cli.sharing:sharing_group",
    "verify": "webapp.cli.verify:verify",
    "db": "webapp.cli.schema:schema",
}


class Commands(AppGroup):
    """The commands of an application."""

    def list_commands(self, ctx: Context) -> list[str]:
        """All names, in alphabetical order."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: Context, name: str) -> Command | None:
        """The command of a name, loaded if it is not yet."""
        if name in COMMANDS and name not in self.commands:
            module, _colon, attribute = COMMANDS[name].partition(":")
            self.add_command(getattr(import_module(module), attribute), name)
        return super().get_command(ctx, name)


def register(app: Flask) -> None:
    """Give the application its commands."""
    app.cli = Commands(app.name)
