"""Running commands as people do."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit status."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)


Command = Callable[..., Ran]


@pytest.fixture
def run(app: Flask) -> Command:
    """Run a command; fails on anything that would be a traceback."""

    def command(*arguments: str, stdin: bytes | str = "") -> Ran:
        runner = app.test_cli_runner()
        # A context of its own: Flask would reuse the test's, and with it the session.
        result = contextvars.Context().run(
            runner.invoke, args=list(arguments), input=stdin, prog_name="flask"
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return command
