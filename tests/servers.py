"""The application as a process of its own, behind a real socket."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from flask import Flask

from webapp.cli.up import web_command
from webapp.config import Settings

ROOT = Path(__file__).resolve().parent.parent


def environment_of(app: Flask, *, redis_url: str | None = None) -> dict[str, str]:
    """The environment in which a process has the data of the app."""
    settings: Settings = app.extensions["settings"]
    return {
        **os.environ,
        "CASEKEEPER_DATA": str(settings.data.resolve()),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url if redis_url is None else redis_url,
        "CASEKEEPER_SECRET": settings.secret,
        "WEB_THREADS": str(settings.web_threads),
    }


@contextmanager
def server_process(app: Flask, *, redis_url: str | None = None) -> Iterator[str]:
    """A server on loopback on the database of the app; the value is its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "flask", "--app", "webapp", "run", "--port", str(port)]
    with _process(command, port, environment_of(app, redis_url=redis_url)) as address:
        yield address


@contextmanager
def web_server(app: Flask) -> Iterator[str]:
    """The same with the server that people have, in one process."""
    settings = replace(app.extensions["settings"], web_concurrency=1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        file = listener.fileno()
        port = listener.getsockname()[1]
        command = web_command(settings, file)
        with _process(command, port, environment_of(app), files=(file,)) as address:
            yield address


@contextmanager
def _process(
    command: list[str], port: int, environment: dict[str, str], *, files: tuple[int, ...] = ()
) -> Iterator[str]:
    server = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        pass_fds=files,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        limit = time.monotonic() + 30
        while not _answers(port):
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < limit, "the server does not answer"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=15)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
    return True
