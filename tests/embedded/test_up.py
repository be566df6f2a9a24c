"""`up` as a person at the terminal sees it (SPEC L1, X6; docs: README "Start")."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.databases import free_port

ROOT = Path(__file__).resolve().parents[2]


class Running:
    """An `up` of our own, on its own data folder and port."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.port = int(environment.get("PORT", free_port()))
        self.log = data.parent / f"{data.name}-{time.monotonic_ns()}.log"
        keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        settings = {
            "CASEKEEPER_DATA": str(data),
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "1",
            "CASEKEEPER_DEMO": "0",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "webapp", "up"],
                cwd=ROOT,
                env=keep | {"HOME": str(data.parent)} | settings | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait_until_ready(self) -> None:
        until = time.monotonic() + 60
        while "Casekeeper is ready" not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < until, self.said
            time.sleep(0.05)

    def family(self) -> list[int]:
        """All processes that have this data folder in their environment."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                environment = (place / "environ").read_bytes().split(b"\0")
                state = (place / "stat").read_text().rsplit(")", 1)[1].split()[0]
                if f"CASEKEEPER_DATA={self.data}".encode() in environment and state != "Z":
                    found.append(int(place.name))
        return found

    def wait_until_gone(self, limit: float) -> float:
        began = time.monotonic()
        while self.family() or self.process.poll() is None:
            assert time.monotonic() < began + limit, f"still there: {self.family()}"
            time.sleep(0.1)  # to look at all processes takes a hundredth of a second
        return time.monotonic() - began


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def running(data: Path) -> Iterator[Running]:
    with started(data) as up:
        yield up


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all tests after which it runs as before."""
    with started(tmp_path_factory.mktemp("shared") / "data") as up:
        yield up


@contextmanager
def started(data: Path) -> Iterator[Running]:
    up = Running(data)
    try:
        up.wait_until_ready()
        yield up
    finally:
        with suppress(ProcessLookupError):
            os.killpg(up.process.pid, signal.SIGKILL)
        up.process.wait()
        up.wait_until_gone(10)


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="the tests look for left processes in /proc"
)


def test_the_first_start_says_the_address_and_once_the_login(shared: Running):
    assert f"http://127.0.0.1:{shared.port}/" in shared.said
    password = re.search(r"with the password (\S+)", shared.said)
    file = shared.data / "first-login.txt"
    assert password and password[1] in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(shared.data.stat().st_mode) == 0o700
    with urlopen(f"http://127.0.0.1:{shared.port}/healthz") as answer:
        assert answer.status == 200
    with urlopen(f"http://127.0.0.1:{shared.port}/readyz") as answer:
        assert answer.status == 200 and json.load(answer)


def test_ctrl_c_stops_everything_in_time_and_the_next_start_is_quick(running: Running, data: Path):
    running.process.send_signal(signal.SIGINT)
    assert running.wait_until_gone(10) < 3
    assert running.process.returncode == 0
    began = time.monotonic()
    again = Running(data)
    try:
        again.wait_until_ready()
        assert time.monotonic() - began < 15  # 5 s on an idle machine
        assert "password" not in again.said
    finally:
        again.process.send_signal(signal.SIGINT)
        again.wait_until_gone(10)


def test_nothing_is_left_when_the_parent_is_killed(running: Running, data: Path):
    left = set(running.family())
    assert len(left) > 4
    running.process.kill()
    running.process.wait()
    # At once, as a service manager would: it waits for the end of what is left.
    again = Running(data)
    try:
        again.wait_until_ready()
        assert not left & set(again.family())
    finally:
        again.process.kill()
        again.process.wait()
    assert again.wait_until_gone(10) < 5


def test_what_dies_is_started_again(shared: Running):
    servers = {pid for pid in shared.family() if b"gunicorn" in command_of(pid)}
    for pid in servers:
        os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 30
    while True:
        assert time.monotonic() < until, shared.said
        with suppress(OSError), urlopen(f"http://127.0.0.1:{shared.port}/healthz") as answer:
            if answer.status == 200:
                break
        time.sleep(0.05)
    assert "The web server ended" in shared.said


def test_a_second_instance_on_the_same_data_is_refused(shared: Running):
    second = Running(shared.data, PORT=str(free_port()))
    assert second.process.wait(30) == 1
    assert "already running" in second.said
    assert shared.process.poll() is None


def test_a_busy_port_that_was_asked_for_is_said(shared: Running, tmp_path: Path):
    other = Running(tmp_path / "other", PORT=str(shared.port))
    assert other.process.wait(30) == 1
    assert f"Port {shared.port} is taken" in other.said


def test_of_two_first_starts_on_one_port_the_second_is_refused(tmp_path: Path):
    """Neither serves for a while: the database is made first, and a demonstration."""
    port = str(free_port())
    both = [Running(tmp_path / name, PORT=port) for name in ("one", "other")]
    try:
        until = time.monotonic() + 60
        while not any(up.process.poll() is not None for up in both):
            assert time.monotonic() < until, [up.said for up in both]
            time.sleep(0.05)
        refused, other = sorted(both, key=lambda up: up.process.poll() is None)
        assert refused.process.returncode == 1
        assert f"Port {port} is taken" in refused.said
        assert "password" not in refused.said
        other.wait_until_ready()
    finally:
        for up in both:
            with suppress(ProcessLookupError):
                os.killpg(up.process.pid, signal.SIGKILL)
            up.process.wait()
            up.wait_until_gone(10)


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
