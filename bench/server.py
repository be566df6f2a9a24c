"""A whole Casekeeper of its own for a benchmark: database, project, worker, gunicorn."""

from __future__ import annotations

import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PROJECT = "bench"
USERNAME = "sender"

#: Seconds until the server must answer.
START_LIMIT = 60.0


@dataclass(frozen=True)
class Server:
    """Where it listens, whom it knows, and the database behind it ("" is the file `sqlite`)."""

    port: int
    password: str
    database_url: str
    sqlite: Path
    process: int


@contextmanager
def serve(database: str, *, processes: int = 2, threads: int = 16) -> Iterator[Server]:
    """Run a server on an empty database, as `up` does, on loopback and a free port."""
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="casekeeper-bench-")))
        url = ""
        if database == "postgresql":
            from tests.databases import postgres_database

            url = stack.enter_context(postgres_database())
        environment = {
            **os.environ,
            "CASEKEEPER_DATA": str(data),
            "CASEKEEPER_SECRET": secrets.token_hex(32),
            "DATABASE_URL": url,
            "REDIS_URL": "",
        }
        password = secrets.token_urlsafe(12)
        flask(environment, "init")
        flask(environment, "project", "create", PROJECT)
        flask(
            environment,
            *("worker", "create", USERNAME, "--project", PROJECT, "--password", "-"),
            given=password + "\n",
        )
        port = free_port()
        command = [
            *(sys.executable, "-m", "gunicorn", "webapp:create_app()"),
            *("--bind", f"127.0.0.1:{port}", "--workers", str(processes)),
            *("--threads", str(threads), "--worker-class", "gthread", "--log-level", "warning"),
        ]
        process = subprocess.Popen(command, cwd=ROOT, env=environment)
        stack.callback(_stop, process)
        wait_until_it_answers(port, process)
        yield Server(port, password, url, data / "casekeeper.sqlite", process.pid)


def cpu_seconds(server: Server) -> float | None:
    """The processor time that the server's processes have used so far; None where the system does
    not tell (it is Linux that does)."""
    tick = os.sysconf("SC_CLK_TCK")
    total = 0
    try:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            pid, _, rest = stat.read_text().partition(" (")
            fields = rest.rpartition(") ")[2].split()
            if server.process in (int(pid), int(fields[1])):
                total += int(fields[11]) + int(fields[12])
    except (OSError, IndexError, ValueError):
        return None
    return total / tick


def flask(environment: dict[str, str], *command: str, given: str = "") -> str:
    """Run a command of the product; returns what it prints. Raises when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "webapp", *command],
        cwd=ROOT,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when the server answers anything at all; raise when it ended or takes too long."""
    limit = time.monotonic() + START_LIMIT
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return
        finally:
            connection.close()
    raise RuntimeError("the server did not answer in time")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
