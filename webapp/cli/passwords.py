"""Passwords on the command line: never as an argument, where every process could read them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from webapp.people.passwords import new_password

F = TypeVar("F", bound=Callable[..., Any])


def password_option(command: F) -> F:
    """`--password -`, as `password`: None, or what standard input says."""
    return click.option(
        "--password",
        metavar="-",
        callback=_read,
        help="Read it from the first line of standard input.",
    )(command)


def given_or_new(password: str | None) -> tuple[str, bool]:
    """The password, and whether it was made here and so must be shown, once."""
    return (new_password(), True) if password is None else (password, False)


def _read(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    if value != "-":
        raise click.BadParameter("only - is accepted: pipe the password in.")
    try:
        line = sys.stdin.readline()
    except UnicodeDecodeError as error:
        raise click.ClickException("The password is not in UTF-8.") from error
    if not line.rstrip("\r\n"):
        raise click.ClickException("Standard input has no password.")
    return line.rstrip("\r\n")
