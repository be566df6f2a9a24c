"""The supervisor on small children: what dies, what outlasts, what the leash does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from webapp.embedded.data_folder import only_instance
from webapp.embedded.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def lock() -> Iterator[int]:
    file = os.open(os.devnull, os.O_RDONLY)
    yield file
    os.close(file)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str], lock: int) -> Iterator[Supervisor]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with Supervisor(tmp_path, os.environ, said.append, lock=lock) as supervisor:
        yield supervisor
    for number, handler in before.items():
        signal.signal(number, handler)


def python(program: str) -> list[str]:
    return [sys.executable, "-S", "-c", textwrap.dedent(program)]


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_until(true: Callable[[], bool], limit: float = 10) -> None:
    until = time.monotonic() + limit
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_child_that_keeps_dying_is_started_again_after_longer_and_longer_pauses(
    supervisor: Supervisor, said: list[str]
):
    supervisor.start("The child", python("raise SystemExit(3)"))
    assert not supervisor.wait_for(lambda: False, 2.4)
    assert said == [
        "The child ended (status 3); it is started again in 0.5 s.",
        "The child ended (status 3); it is started again in 1 s.",
        *said[2:],
    ]
    assert len(said) <= 3


def test_waiting_ends_when_the_end_is_asked_for(supervisor: Supervisor):
    os.kill(os.getpid(), signal.SIGINT)
    assert not supervisor.wait_for(lambda: True, 10)
    assert supervisor.stopping
    supervisor.run()  # which returns at once


def test_what_serves_the_others_ends_after_them(tmp_path: Path, lock: int):
    order = tmp_path / "order"
    patient = """
        import pathlib, signal, sys, time
        def end(*_):
            time.sleep(float(sys.argv[1]))
            with open("order", "a") as file:
                file.write(sys.argv[2])
            raise SystemExit
        signal.signal(signal.SIGTERM, end)
        pathlib.Path(sys.argv[2]).touch()
        time.sleep(60)
    """
    with Supervisor(tmp_path, os.environ, print, lock=lock) as supervisor:
        supervisor.start("The server", [*python(patient), "0", "server"], outlasts=True)
        supervisor.start("The user", [*python(patient), "0.3", "user "])
        ready = ("server", "user ")
        assert supervisor.wait_for(lambda: all((tmp_path / name).exists() for name in ready), 10)
    assert order.read_text() == "user server"


def test_who_does_not_listen_is_gone_in_time_and_with_all_its_children(tmp_path: Path, lock: int):
    deaf = """
        import os, pathlib, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = os.fork()
        if child:
            pathlib.Path("pids.part").write_text(f"{os.getpid()} {child}")
            os.rename("pids.part", "pids")
        time.sleep(60)
    """
    pids = tmp_path / "pids"
    with Supervisor(tmp_path, os.environ, print, lock=lock) as supervisor:
        supervisor.start("The deaf one", python(deaf))
        assert supervisor.wait_for(pids.exists, 10)
        began = time.monotonic()
    assert time.monotonic() - began < 3
    wait_until(lambda: not any(lives(int(pid)) for pid in pids.read_text().split()), 1)


def test_a_leash_that_was_killed_is_replaced_and_does_its_duty(tmp_path: Path):
    story = f"""
        import os, pathlib, signal, sys
        sys.path.insert(0, {str(ROOT)!r})
        from webapp.embedded.data_folder import only_instance
        from webapp.embedded.supervisor import Supervisor
        folder = pathlib.Path({str(tmp_path)!r})
        with only_instance(folder) as lock:
            with Supervisor(folder, os.environ, print, lock=lock) as supervisor:
                supervisor.start("The deaf one", ["sh", "-c", "trap '' TERM; exec sleep 60"])
                first = supervisor._leash.pid
                os.kill(first, signal.SIGKILL)
                supervisor.wait_for(lambda: supervisor._leash.pid != first, 10)
                print(supervisor._leash.pid, supervisor._children[0].process.pid, flush=True)
                supervisor.run()
    """
    command = [sys.executable, "-c", textwrap.dedent(story)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        family = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(family) == 2 and all(lives(pid) for pid in family)
        parent.kill()
        parent.wait()
        with only_instance(tmp_path):  # waits: the data folder is free when nobody writes to it
            wait_until(lambda: not any(lives(pid) for pid in family), 0.2)


def test_a_new_leash_leads_a_group_of_its_own_when_the_old_one_is_empty(supervisor: Supervisor):
    leash = supervisor._leash
    leash.kill()
    assert supervisor.wait_for(lambda: supervisor._leash is not leash, 10)
    assert os.getpgid(supervisor._leash.pid) == supervisor._group
