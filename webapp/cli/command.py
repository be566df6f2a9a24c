"""What the commands about cases and forms have in common: their options and what they look up."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import click
from flask import current_app
from sqlalchemy.exc import DBAPIError

from webapp.clock import Micros, iso
from webapp.config import Settings, want_installation
from webapp.database_faults import is_busy
from webapp.errors import CasekeeperError

#: In characters, as on pages.
LONGEST_REASON = 1000

F = TypeVar("F", bound=Callable[..., Any])


def answers(command: F) -> F:
    """Turn what goes wrong in a command into a sentence on standard error and exit status 1, also
    that there is no database yet."""

    @answers_anywhere
    @wraps(command)
    def inner(*args: Any, **kwargs: Any) -> Any:
        want_installation(current_app.extensions["settings"])
        return command(*args, **kwargs)

    return inner  # type: ignore[return-value]  # the same arguments and result


def answers_anywhere(command: F) -> F:
    """The same for a command that needs no database, because it makes one."""

    @wraps(command)
    def inner(*args: Any, **kwargs: Any) -> Any:
        try:
            _want_text()
            return command(*args, **kwargs)
        except CasekeeperError as error:
            raise click.ClickException(error.message) from error
        except DBAPIError as error:
            reason = (str(error.orig).strip() or "nothing").splitlines()[0]
            raise click.ClickException(
                f"The database says: {reason}. {_what_to_do(error)}"
            ) from error

    return inner  # type: ignore[return-value]  # the same arguments and result


def _want_text() -> None:
    """Raise `BadParameter` for an argument that is no text: Python makes half characters of bytes
    that are not in UTF-8, which no database takes. Files may be called what they like."""
    context = click.get_current_context()
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        texts = value if isinstance(value, tuple) else (value,)
        if not isinstance(parameter.type, click.Path) and not all(map(_is_text, texts)):
            raise click.BadParameter("It is not in UTF-8.", context, parameter)


def _is_text(value: object) -> bool:
    return not isinstance(value, str) or encodable(value) == value


def encodable(text: str) -> str:
    """A text with its half characters, if it has any, made visible."""
    return text.encode(errors="backslashreplace").decode()


def _what_to_do(error: DBAPIError) -> str:
    settings: Settings = current_app.extensions["settings"]
    if is_busy(error) and not settings.embedded:
        return "Is it running, and is DATABASE_URL right?"
    where = "Is CASEKEEPER_DATA right? " if is_busy(error) else ""
    return f"{where}If it is new or older than this version, run: flask --app webapp init"


def json_option(command: F) -> F:
    """`--json`, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")(
        command
    )


def show(document: dict[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Print what a command found: the document for machines, or the lines for people."""
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        for line in lines:
            click.echo(line)


def say(message: str) -> None:
    """Tell the person something that is no result: on standard error."""
    click.echo(message, err=True)


def project_option(command: F) -> F:
    """`--project NAME`, as `project_name`."""
    return click.option(
        "--project", "project_name", metavar="NAME", required=True, help="In which project."
    )(command)


def reason_option(command: F) -> F:
    """`--reason TEXT`, as `reason`."""
    return click.option(
        "--reason", default="", callback=_reason, help="Why; it is kept in the log."
    )(command)


def _reason(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if len(value) > LONGEST_REASON:
        raise click.BadParameter(f"A reason has at most {LONGEST_REASON:,} characters.")
    return value


def limit_option(command: F) -> F:
    """`--limit N`, as `limit`."""
    return click.option(
        "--limit",
        metavar="N",
        type=click.IntRange(1, 10_000),
        default=100,
        show_default=True,
        help="At most so many.",
    )(command)


@contextmanager
def progress(total: int, label: str) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error while there is a terminal to draw it on, else nothing.

    Yields what to call with the number of steps done.
    """
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=total, label=label, file=sys.stderr, hidden=hidden) as bar:
        yield bar.update


def form_name(document: Mapping[str, Any]) -> str:
    """The name of a form, of its document's `name` and `run`: what a rule wrote is named after the
    rule, as on pages (R15)."""
    name = str(document["name"])
    return name if document["run"] is None else f"Automatic Case Update Rule › {name}"


def cases_words(count: int) -> str:
    """So many cases."""
    return "1 case" if count == 1 else f"{count:,} cases"


def instant(micros: Micros | None) -> str | None:
    """An instant of ours as text."""
    return None if micros is None else iso(micros)


def printable(text: str) -> str:
    """A text that people typed, fit for a terminal: control characters become visible."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
