"""`up`: everything on this machine, in one process group. What `./run` calls."""

from __future__ import annotations

import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.error import URLError
from urllib.request import urlopen

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from redis import Redis
from redis.exceptions import RedisError
from rq import Worker

from webapp.config import Settings
from webapp.database_upgrade import upgrade_database
from webapp.embedded.data_folder import only_instance, prepare
from webapp.embedded.redis_server import answers, server_command, socket_in
from webapp.embedded.supervisor import Supervisor
from webapp.errors import CasekeeperError
from webapp.extensions import db
from webapp.people.first_start import FirstLogin, first_start

ROOT = Path(__file__).resolve().parent.parent.parent
#: How long the parts may take to answer, in seconds.
PATIENCE_S = 60.0
#: How many ports after the usual one are tried when that is busy.
OTHER_PORTS = 20


@click.command("up")
@with_appcontext
def up() -> None:
    """Start Casekeeper on this machine and keep it running: the database is upgraded, then Redis,
    the web server, the workers and the tick are started, and started again when one dies. Ctrl-C
    stops all of it. Settings come from the environment, see README."""
    app: Flask = cast(Any, current_app)._get_current_object()  # noqa: SLF001  Flask's own way
    settings: Settings = app.extensions["settings"]
    try:
        prepare(settings.data)
        with only_instance(settings.data):
            port = free_port(settings)
            upgrade_database(app)
            login = first_start(settings.data)
            db.engine.dispose()
            serve(settings, port, login)
    except CasekeeperError as error:
        raise click.ClickException(error.message) from error


def serve(settings: Settings, port: int, login: FirstLogin | None) -> None:
    """Run all parts until the end is asked for."""
    redis_folder = settings.data / "redis"
    redis_socket = socket_in(redis_folder)
    redis_url = settings.redis_url or f"unix://{redis_socket}"
    environment = {
        **os.environ,
        "CASEKEEPER_DATA": str(settings.data.resolve()),
        "CASEKEEPER_SECRET": settings.secret,
        "REDIS_URL": redis_url,
    }
    with Supervisor(ROOT, environment, say) as supervisor:
        if not settings.redis_url:
            supervisor.start("Redis", server_command(redis_folder, redis_socket))
        if not supervisor.wait_for(lambda: answers(redis_url), PATIENCE_S):
            return refuse(supervisor, f"Redis does not answer at {redis_url}.")
        supervisor.start("The web server", web_command(settings, port))
        started = datetime.now(UTC)
        supervisor.start("The workers", [sys.executable, str(ROOT / "worker.py")])
        address = f"http://{settings.host}:{port}/"
        if not supervisor.wait_for(lambda: page_answers(f"{address}healthz"), PATIENCE_S):
            return refuse(supervisor, f"The web server does not answer at {address}.")
        if not supervisor.wait_for(lambda: worker_is_alive(redis_url, started), PATIENCE_S):
            return refuse(supervisor, "No worker has come to life.")
        greet(address, login)
        supervisor.run()
        say("Stopping …")
    return None


def web_command(settings: Settings, port: int) -> list[str]:
    """The command line of the web server."""
    return [
        *(sys.executable, "-m", "gunicorn", "webapp:create_app()"),
        *("--bind", f"{settings.host}:{port}"),
        *("--workers", str(settings.web_concurrency)),
        *("--worker-class", "gthread", "--threads", str(settings.web_threads)),
        *("--graceful-timeout", "2", "--timeout", "120", "--log-level", "warning"),
        "--no-control-socket",  # it would stand in the home folder, one for all instances
    ]


def free_port(settings: Settings) -> int:
    """The port to listen on: the one that was asked for, else the usual or the next free one.

    Raises `CasekeeperError` when the one that was asked for is taken.
    """
    if is_free(settings.host, settings.port):
        return settings.port
    if "PORT" in os.environ:
        raise CasekeeperError(
            f"Port {settings.port} is taken by another program. Stop that one, or set PORT to"
            " another number."
        )
    for port in range(settings.port + 1, settings.port + OTHER_PORTS):
        if is_free(settings.host, port):
            say(f"Port {settings.port} is taken, so this is port {port}.")
            return port
    raise CasekeeperError("No port is free. Set PORT to a number that is.")


def is_free(host: str, port: int) -> bool:
    """Whether one could listen there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
    return True


def page_answers(address: str) -> bool:
    """Whether a page is there."""
    try:
        with urlopen(address, timeout=2) as answer:  # noqa: S310  our own http address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def worker_is_alive(redis_url: str, since: datetime) -> bool:
    """Whether some RQ worker has given a sign of life since then."""
    try:
        with Redis.from_url(redis_url, socket_timeout=2) as connection:
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


def say(sentence: str) -> None:
    """Tell the person at the terminal."""
    click.echo(sentence, err=True)
