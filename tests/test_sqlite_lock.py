"""SQLite's writers wait in order, over threads and processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from webapp.sqlite_lock import WriteQueue


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
