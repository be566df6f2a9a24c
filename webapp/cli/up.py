"""`up`: everything on this machine, in one process group. What `./run` calls."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.error import URLError
from urllib.request import urlopen

import click
import redis as redis_client
from flask import Flask, current_app
from flask.cli import with_appcontext
from redis.exceptions import RedisError
from rq import Worker
from sqlalchemy.exc import DBAPIError

from webapp.audit.actor import Actor
from webapp.cli import command
from webapp.cli.command import say
from webapp.cli.demo import line, make
from webapp.config import Settings, keep_secret
from webapp.database_upgrade import upgrade_database
from webapp.demo.build import SEED
from webapp.demo.marks import unfinished
from webapp.embedded.address import is_loopback, listen, location, page_address
from webapp.embedded.data_folder import only_instance, prepare
from webapp.embedded.redis_server import Redis, answers, redis_for
from webapp.embedded.supervisor import Supervisor
from webapp.errors import CasekeeperError
from webapp.extensions import db
from webapp.people.first_start import FirstLogin, first_start
from webapp.redis_socket import redis_folder

ROOT = Path(__file__).resolve().parent.parent.parent
#: How long the parts may take to answer, in seconds.
PATIENCE_S = 60.0
#: One look at a part takes no longer than this, so that Ctrl-C is heeded meanwhile.
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Held:
    """Descriptors that this instance has from its start on, and hands over."""

    #: Of the lock on the data folder.
    lock: int
    #: Of the socket at which the web server listens.
    listener: int


@click.command("up")
@with_appcontext
@command.answers_anywhere
def up() -> None:
    """Start Casekeeper on this machine and keep it running.

    The database is made or upgraded; then Redis, the web server, the workers and the tick are
    started, and started again when one dies. Ctrl-C stops all of it. Settings come from the
    environment, see README.
    """
    app: Flask = cast(Any, current_app)._get_current_object()  # noqa: SLF001  Flask's own way
    settings: Settings = app.extensions["settings"]
    prepare(settings.data)
    settings = keep_secret(settings)
    with only_instance(settings.data) as lock:
        asked_for = bool(os.environ.get("PORT", "").strip())
        with listen(settings.host, settings.port, asked_for=asked_for, say=say) as listener:
            settings = replace(settings, port=listener.getsockname()[1])
            upgrade_database(app)
            login = first_start(settings.data)
            make_demos(settings, login)
            db.engine.dispose()
            with redis_for(redis_folder(settings.data), settings.redis_url) as redis:
                serve(settings, redis, Held(lock, listener.fileno()), login)


def make_demos(settings: Settings, login: FirstLogin | None) -> None:
    """Make the demonstration project when somebody gets the first login, and finish what was broken
    off; unless the settings say otherwise. Nothing of it keeps the server from starting."""
    here = is_loopback(location(settings.host, settings.port))
    if not (here if settings.demo is None else settings.demo):
        return
    names = dict.fromkeys([*unfinished(db.session()), *([login.project] if login else [])])
    for name in names:
        say(
            f"Making up two years of a health programme in the project “{name}”, to look at and to"
            " try things on. This takes half a minute or more, once."
        )
        try:
            say(line(make(name, SEED, by=Actor.system("first start"))))
        except (CasekeeperError, DBAPIError) as error:
            say(f"That did not work, and is tried again at the next start: {error}")


def serve(settings: Settings, redis: Redis, held: Held, login: FirstLogin | None) -> None:
    """Run all parts until the end is asked for."""
    environment = {
        **os.environ,
        "CASEKEEPER_DATA": str(settings.data.resolve()),
        "CASEKEEPER_SECRET": settings.secret,
        "REDIS_URL": redis.url,
    }
    with Supervisor(ROOT, environment, say, lock=held.lock) as supervisor:
        if redis.command is not None:
            supervisor.start("Redis", redis.command, outlasts=True)
        if not supervisor.wait_for(lambda: answers(redis.url), PATIENCE_S):
            # Its address may hold a password, and so is not said.
            log = redis_folder(settings.data) / "redis.log"
            why = f"{log} may say why." if redis.command else "Is REDIS_URL right?"
            return refuse(supervisor, f"The Redis server does not answer. {why}")
        command = web_command(settings, held.listener)
        supervisor.start("The web server", command, files=(held.listener,))
        started = datetime.now(UTC)
        supervisor.start("The workers", [sys.executable, str(ROOT / "worker.py")])
        address = page_address(settings.host, settings.port)
        if not supervisor.wait_for(lambda: page_answers(f"{address}healthz"), PATIENCE_S):
            return refuse(supervisor, f"The web server does not answer at {address}.")
        if not supervisor.wait_for(lambda: worker_is_alive(redis.url, started), PATIENCE_S):
            return refuse(supervisor, "No worker has come to life.")
        greet(address, login)
        supervisor.run()
        say("Stopping …")
    return None


def web_command(settings: Settings, listener: int) -> list[str]:
    """The command line of the web server, which gets the socket at which it listens."""
    return [
        *(sys.executable, "-m", "gunicorn", "webapp:create_app()"),
        *("--bind", f"fd://{listener}"),
        *("--workers", str(settings.web_concurrency)),
        *("--worker-class", "gthread", "--threads", str(settings.web_threads)),
        *("--graceful-timeout", "2", "--timeout", "120", "--log-level", "warning"),
        *("--limit-request-line", "8190"),  # the most: a filter may name things of 255 characters
        "--no-control-socket",  # it would stand in the home folder, one for all instances
    ]


def page_answers(address: str) -> bool:
    """Whether a page is there."""
    try:
        with urlopen(address, timeout=LOOK_S) as answer:  # noqa: S310  our own http address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def worker_is_alive(redis_url: str, since: datetime) -> bool:
    """Whether some RQ worker has given a sign of life since then."""
    try:
        with redis_client.Redis.from_url(redis_url, socket_timeout=LOOK_S) as connection:
            beats = [worker.last_heartbeat for worker in Worker.all(connection=connection)]
            return any(beat is not None and beat >= since for beat in beats)
    except (RedisError, OSError):
        return False


def greet(address: str, login: FirstLogin | None) -> None:
    """Say where it is, and the first time how to sign in."""
    click.echo(f"\nCasekeeper is ready: {address}\n")
    if login is not None:
        click.echo(f"Sign in as {login.email} with the password {login.password}")
        click.echo(
            f"A phone signs in to the project {login.project} as {login.worker} with the password"
            f" {login.worker_password}"
        )
        click.echo(f"This is said only once; it also stands in {login.file}.\n")
    click.echo("Ctrl-C stops it.")


def refuse(supervisor: Supervisor, sentence: str) -> None:
    """Give up, unless the end was asked for anyway."""
    if not supervisor.stopping:
        raise CasekeeperError(sentence)
