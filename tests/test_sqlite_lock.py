"""SQLite's writers wait in order, over threads and processes."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import make_app
from webapp.database import write_transaction
from webapp.errors import Busy
from webapp.sqlite_lock import WriteQueue

ROOT = Path(__file__).resolve().parent.parent
PIPES: dict[str, int] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}


def test_threads_get_their_turn_in_the_order_in_which_they_came(tmp_path: Path):
    queue = WriteQueue(tmp_path / "lock")
    served: list[int] = []
    assert queue.acquire(1)

    def wait_in_line(number: int) -> None:
        assert queue.acquire(10)
        served.append(number)
        queue.release()

    threads = []
    for number in range(8):
        thread = threading.Thread(target=wait_in_line, args=(number,))
        thread.start()
        threads.append(thread)
        while len(queue._waiting) <= number:  # the next comes when this one stands in line
            time.sleep(0.001)
    queue.release()
    for thread in threads:
        thread.join()
    assert served == list(range(8))


def test_who_waits_too_long_leaves_and_the_others_go_on(tmp_path: Path):
    queue = WriteQueue(tmp_path / "lock")
    assert queue.acquire(1)
    gave_up = threading.Thread(target=lambda: results.append(queue.acquire(0.05)))
    results: list[bool] = []
    gave_up.start()
    gave_up.join()
    assert results == [False]
    queue.release()
    assert queue.acquire(0.05)
    queue.release()


def test_a_process_that_dies_gives_its_turn_back(tmp_path: Path):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        WriteQueue(tmp_path / "lock").acquire(1)
        os.write(writer, b"held")
        time.sleep(60)
        os._exit(0)
    assert os.read(reader, 4) == b"held"
    queue = WriteQueue(tmp_path / "lock")
    got = threading.Event()

    def wait() -> None:
        queue.acquire(1)
        got.set()

    threading.Thread(target=wait, daemon=True).start()
    assert not got.wait(0.2)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert got.wait(5)
    queue.release()


#: With this before them, programs need not load the whole application to have its queue.
ALONE = """
import sys, types
sys.modules["webapp"] = types.ModuleType("webapp")
sys.modules["webapp"].__path__ = ["webapp"]
"""
#: Holds the queue at `argv[1]` when its standard input says so, until it ends.
HOLD = f"""{ALONE}
from pathlib import Path
from webapp.sqlite_lock import WriteQueue
queue = WriteQueue(Path(sys.argv[1]))
assert queue.acquire(30)
print("held", flush=True)
sys.stdin.read()
queue.release()
"""
#: Writes all the time, 5 ms each, for `argv[2]` seconds; prints of each turn when it was asked for
#: and when it came, by the clock that all processes share.
WRITE = f"""{ALONE}
import json, time
from pathlib import Path
from webapp.sqlite_lock import WriteQueue
queue, turns = WriteQueue(Path(sys.argv[1])), []
print("ready", flush=True)
sys.stdin.readline()
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    asked = time.monotonic()
    assert queue.acquire(30)
    turns.append((asked, time.monotonic()))
    time.sleep(0.005)
    queue.release()
print(json.dumps(turns))
"""


@contextmanager
def held_by_another_process(path: Path) -> Iterator[None]:
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, cwd=ROOT, **PIPES) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        yield
        other.communicate(timeout=10)


def test_the_holder_sees_that_somebody_waits(tmp_path: Path):
    queue = WriteQueue(tmp_path / "lock")
    assert queue.acquire(1)
    assert not queue.is_awaited()
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(command, cwd=ROOT, **PIPES) as other:
        until = time.monotonic() + 10
        while not queue.is_awaited() and time.monotonic() < until:
            time.sleep(0.01)
        assert queue.is_awaited()
        queue.release()
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        other.communicate(timeout=10)
    assert queue.acquire(5)
    assert not queue.is_awaited()
    queue.release()


def test_who_waits_too_long_for_another_process_leaves(tmp_path: Path):
    queue = WriteQueue(tmp_path / "lock")
    with held_by_another_process(tmp_path / "lock"):
        used = resource.getrusage(resource.RUSAGE_SELF)
        begin = time.monotonic()
        assert not queue.acquire(0.5)
        assert 0.5 <= time.monotonic() - begin < 2
        later = resource.getrusage(resource.RUSAGE_SELF)
        assert later.ru_utime + later.ru_stime - used.ru_utime - used.ru_stime < 0.1
        assert later.ru_nvcsw - used.ru_nvcsw < 100, "it slept, and did not ask again and again"
    assert queue.acquire(5)
    queue.release()


def test_what_comes_for_those_who_left_goes_to_others(tmp_path: Path):
    here, there = WriteQueue(tmp_path / "lock"), WriteQueue(tmp_path / "lock")
    with held_by_another_process(tmp_path / "lock"):
        assert not here.acquire(0.05)
        assert not here.acquire(0.05)
    assert there.acquire(5)
    there.release()
    assert here.acquire(5)
    here.release()


def test_the_limit_is_one_for_threads_and_processes_together(tmp_path: Path):
    queue = WriteQueue(tmp_path / "lock")
    waited: list[float] = []

    def wait() -> None:
        begin = time.monotonic()
        assert not queue.acquire(0.6)
        waited.append(time.monotonic() - begin)

    with held_by_another_process(tmp_path / "lock"):
        threads = [threading.Thread(target=wait) for _ in range(3)]
        for thread in threads:
            thread.start()
            time.sleep(0.1)
        for thread in threads:
            thread.join()
    assert len(waited) == 3
    assert max(waited) < 1.0


def test_nobody_passes_who_is_first_in_line(tmp_path: Path):
    queue = WriteQueue(tmp_path / "lock")
    assert queue.acquire(1)
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(command, cwd=ROOT, **PIPES) as other:
        until = time.monotonic() + 10
        while not queue.is_awaited() and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(other.pid, signal.SIGSTOP)  # as if the machine had no time for it
        time.sleep(0.2)  # until all its threads have stopped
        try:
            queue.release()
            assert not queue.acquire(0.1)
            assert queue.acquire(5), "but who does not wake up keeps nobody out"
            begin = time.monotonic()
            for _ in range(50):
                queue.release()
                assert queue.acquire(5)
            assert time.monotonic() - begin < 3, "nor does each wait for it again"
            queue.release()
        finally:
            os.kill(other.pid, signal.SIGCONT)
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        other.communicate(timeout=10)
    assert queue.acquire(5)
    queue.release()


def test_processes_that_write_all_the_time_let_each_other_write(tmp_path: Path):
    command = [sys.executable, "-c", WRITE, str(tmp_path / "lock"), "2"]
    writers = [subprocess.Popen(command, cwd=ROOT, **PIPES) for _ in range(3)]
    for one in writers:  # who began alone would have many turns before the others came
        assert one.stdout is not None and one.stdout.readline() == b"ready\n"
    for one in writers:
        assert one.stdin is not None
        one.stdin.write(b"go\n")
        one.stdin.flush()
    turns = [json.loads(one.communicate(timeout=60)[0]) for one in writers]
    assert all(one.returncode == 0 for one in writers)
    # Counted in turns and not in seconds: how long one lasts is for the machine to say.
    overtaken = [
        sum(asked < came < got for other in turns if other is not mine for _, came in other)
        for mine in turns
        for asked, got in mine
    ]
    assert sum(map(len, turns)) > 30
    assert max(overtaken) < 40


def test_a_forked_child_has_nothing_of_its_parents_turn(tmp_path: Path):
    queue = WriteQueue(tmp_path / "lock")
    assert queue.acquire(1)
    assert queue._line._held is not None
    inherited = queue._line._held.turn
    child = os.fork()
    if child == 0:
        try:
            os.fstat(inherited)
        except OSError:  # it is closed
            os._exit(1 if queue.acquire(0.1) else 0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    other = WriteQueue(tmp_path / "lock")
    assert not other.acquire(0.1), "the end of the child took nothing from the parent"
    queue.release()
    assert other.acquire(5)
    other.release()


def test_a_writer_hears_that_the_database_is_busy(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if database_url:
        return  # the queue is SQLite's
    app: Flask = make_app(tmp_path, "")
    monkeypatch.setattr("webapp.database.LOCK_LIMIT_S", 0.2)
    with (
        app.app_context(),
        held_by_another_process(tmp_path / "casekeeper.sqlite.lock"),
        pytest.raises(Busy, match="Nothing was stored"),
        write_transaction(),
    ):
        pass
    with app.app_context(), write_transaction():
        pass
