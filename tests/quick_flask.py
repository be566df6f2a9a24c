"""The command line `flask --app webapp …` without the second of loading that each command takes.

One process has loaded the application and forks for each command, which runs as in a process of its
own: with the environment, the folder, the arguments and the pipes of whoever gives it, and with its
exit status. For tests that give many commands and are not about how one starts.

    with quick_flask(folder) as command:
        subprocess.run([*command, "verify", "--project", "demo"], env=environment)
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: What is run for each command: hands over what it has, and ends as the command does.
ASK = """
import json, os, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
asked = json.dumps([dict(os.environ), os.getcwd(), sys.argv[2:]]).encode()
socket.send_fds(line, [asked], [0, 1, 2])
line.shutdown(socket.SHUT_WR)
sys.exit(int(line.recv(10)))
"""
#: The longest words of a command: a thousand ids.
MOST = 100_000


@contextmanager
def quick_flask(folder: Path) -> Iterator[list[str]]:
    """The words with which a command begins."""
    place = folder / "flask.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        listening.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.quick_flask", str(listening.fileno())],
            cwd=ROOT,
            pass_fds=[listening.fileno()],
        )
    try:
        yield [sys.executable, "-ISc", ASK, str(place)]
    finally:
        process.terminate()
        process.wait(15)


def serve(listening: socket.socket) -> None:
    """Do what is asked, one command after the other."""
    from flask.cli import main

    import webapp  # noqa: F401  # what takes long

    while True:
        line, _address = listening.accept()
        with line:
            asked, pipes, _flags, _sender = socket.recv_fds(line, MOST, 3)
            while more := line.recv(MOST):
                asked += more
            environment, folder, words = json.loads(asked)
            child = os.fork()
            if child == 0:
                for number, pipe in enumerate(pipes):
                    os.dup2(pipe, number)
                os.environ.clear()
                os.environ.update(environment)
                os.chdir(folder)
                sys.argv = ["flask", "--app", "webapp", *words]
                sys.exit(main())
            for pipe in pipes:
                os.close(pipe)
            _child, status = os.waitpid(child, 0)
            line.sendall(b"%d" % (os.waitstatus_to_exitcode(status) % 256))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
