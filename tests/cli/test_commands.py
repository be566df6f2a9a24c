"""The commands are loaded when they are asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click import STRING, Argument, Choice, Context, File, Group, IntRange, Option, Parameter
from click.types import IntParamType
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.cli.conftest import Command
from tests.conftest import SECRET
from tests.forms import case_block, form
from webapp import create_app
from webapp.cli import COMMANDS
from webapp.config import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_is_called_as_it_is_found(run: Command, name: str):
    ran = run(name, "--help")
    assert ran.code == 0
    assert f"Usage: flask {name} " in ran.out


def test_the_help_lists_all(run: Command):
    listed = {line.split()[0] for line in run("--help").out.splitlines() if line.startswith("  ")}
    assert listed >= set(COMMANDS)


def test_those_of_flask_migrate_find_the_migrations(tmp_path: Path):
    app = create_app(Settings(data=tmp_path, secret=SECRET))
    ran = app.test_cli_runner().invoke(args=["db", "heads"])
    assert ran.exit_code == 0, ran.output


def test_nothing_is_loaded_that_a_server_does_not_need():
    """A server and a worker start in half the time without these; and garbage, which is not
    collected meanwhile, is collected again."""
    said = subprocess.run(
        [sys.executable, "-c", "import gc, sys, webapp; print(gc.isenabled(), *sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert said[0] == "True"
    assert not {"alembic", "webapp.demo.build", "webapp.cli.up"} & set(said)


def leaves(context: Context, group: Group) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All commands of a group and of those in it, with the words that lead there."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, Group):
            for words, leaf in leaves(context, command):
                yield (name, *words), leaf
        else:
            yield (name,), command


def given(parameter: Parameter, text: str) -> list[str]:
    """A parameter as it is typed, with this text if it takes any."""
    if isinstance(parameter.type, Choice):
        text = str(parameter.type.choices[0])
    elif isinstance(parameter.type, IntRange | IntParamType):
        text = "1"
    elif isinstance(parameter.type, File):
        text = "-"
    elif parameter.name == "password":  # it comes by standard input
        return []
    return [parameter.opts[0], text] if isinstance(parameter, Option) else [text]


def test_an_argument_that_is_no_utf_8_is_refused_with_a_sentence(run: Command, app: Flask):
    """As Python hands such bytes over."""
    broken, looked_at = "\udcff\udcfe", 0
    commands = [
        (words, leaf)
        for words, leaf in leaves(Context(app.cli), app.cli)
        if words[0] in set(COMMANDS) - {"db"}
    ]
    for words, leaf in commands:
        wanted = [one for one in leaf.params if not getattr(one, "is_flag", False)]
        for parameter in wanted:
            if parameter.type is not STRING or parameter.name == "password":
                continue
            looked_at += 1
            arguments = [
                part
                for one in sorted(wanted, key=lambda one: isinstance(one, Argument))
                for part in given(one, broken if one is parameter else "x")
            ]
            ran = run(*words, *arguments)
            assert (ran.code, ran.out) == (2, ""), (words, arguments)
            assert ran.err.endswith(": It is not in UTF-8.\n"), words
    assert looked_at > 100


def test_a_file_may_be_called_anything(run: Command, session: Session, tmp_path: Path):
    project = factories.project()
    worker = factories.mobile_worker(project).username
    file = tmp_path / "\udcff.xml"
    file.write_bytes(form(case_block("a", create={})))
    for options in ([], ["--json"]):
        ran = run("submit", "--project", project.name, "--as", worker, str(file), *options)
        assert ran.code == 0
        assert "\\udcff.xml" in ran.out


def test_a_password_that_is_no_utf_8_is_refused(run: Command):
    command = ("worker", "create", "--project", "x", "--password", "-", "name")
    ran = run(*command, stdin=b"\xff\xfe\n")
    assert (ran.code, ran.err) == (1, "Error: The password is not in UTF-8.\n")
