"""Which Redis server is used, and where its socket is."""

from __future__ import annotations

import stat
import subprocess
import tempfile
import time
from importlib.machinery import ModuleSpec
from pathlib import Path
from socket import AF_UNIX
from socket import socket as open_socket

import pytest
import redis

from webapp.embedded import redis_server
from webapp.embedded.redis_server import answers, redis_for, server_program, socket_for
from webapp.errors import CasekeeperError
from webapp.redis_socket import LONGEST_SOCKET, address_of_own, redis_folder


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_name: str) -> ModuleSpec | None:
        return None

    monkeypatch.setattr(redis_server, "find_spec", nothing)


def test_a_given_server_is_not_ours_to_start(tmp_path: Path):
    with redis_for(tmp_path / "redis", "redis://other:6379/0") as server:
        assert (server.url, server.command) == ("redis://other:6379/0", None)
    assert not (tmp_path / "redis").exists()


def test_our_own_keeps_what_it_was_told_when_it_is_killed(tmp_path: Path):
    folder = tmp_path / "redis"
    with redis_for(folder, "") as server:
        assert server.command is not None
        assert not answers(server.url)
        for expected in (None, b"there"):
            with subprocess.Popen(server.command) as process:
                try:
                    until = time.monotonic() + 10
                    while not answers(server.url):
                        assert time.monotonic() < until
                        time.sleep(0.02)
                    with redis.Redis.from_url(server.url) as connection:
                        assert connection.get("key") == expected
                        connection.set("key", "there")
                        connection.execute_command("WAITAOF", 1, 0, 5000)
                        socket = Path(server.url.removeprefix("unix://"))
                        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
                finally:
                    process.kill()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_path_too_long_for_a_socket_is_replaced_by_a_short_one_that_goes(tmp_path: Path):
    deep = tmp_path / ("x" * 100)
    with socket_for(deep) as socket, socket_for(deep) as again:
        assert socket == again  # what a killed instance left is used again
        assert len(str(socket)) <= LONGEST_SOCKET
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert not socket.parent.exists()


def test_somebody_elses_folder_in_its_place_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    deep = tmp_path / ("x" * 100)
    with socket_for(deep) as socket:
        place = socket.parent
    place.symlink_to(tmp_path)
    with pytest.raises(CasekeeperError, match="belongs to somebody else"), socket_for(deep):
        pass


@pytest.mark.parametrize("name", ["data", "x" * 100])
def test_a_terminal_beside_it_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    data = tmp_path / name
    data.mkdir()
    assert address_of_own(data) is None
    with redis_for(redis_folder(data), "") as server:
        assert address_of_own(data) is None
        place = Path(server.url.removeprefix("unix://"))
        place.parent.mkdir(exist_ok=True)
        with open_socket(AF_UNIX) as listener:
            monkeypatch.chdir(place.parent)  # the whole path may be too long for this system
            listener.bind(place.name)
            assert address_of_own(data) == server.url
        place.unlink()
        place.touch()  # no socket
        assert address_of_own(data) is None


@pytest.mark.usefixtures("no_package")
def test_without_the_package_a_server_on_the_path_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert server_program() == str(program)


@pytest.mark.usefixtures("no_package")
def test_without_any_server_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CasekeeperError, match="set REDIS_URL"):
        server_program()
