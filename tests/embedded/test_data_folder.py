"""One instance on one data folder."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from webapp.embedded.data_folder import InUse, only_instance, prepare
from webapp.errors import CasekeeperError


def test_the_folder_is_closed_to_others_even_when_it_was_open(tmp_path: Path):
    folder = tmp_path / "a" / "data"
    folder.mkdir(parents=True, mode=0o755)
    prepare(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(CasekeeperError) as caught:
        prepare(tmp_path / "file" / "data")
    assert "Set CASEKEEPER_DATA" in caught.value.message


def test_a_second_one_is_refused_at_once_and_told_who_has_it(tmp_path: Path):
    began = time.monotonic()
    with only_instance(tmp_path), pytest.raises(InUse) as caught, only_instance(tmp_path):
        pass
    assert f"process {os.getpid()}" in caught.value.message
    assert time.monotonic() - began < 1
    with only_instance(tmp_path):
        pass  # free again


def test_what_a_killed_one_left_is_waited_for(tmp_path: Path):
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    with only_instance(tmp_path) as lock:
        os.pwrite(lock, f"{ended.pid}\n".ljust(8).encode(), 0)  # its leash still has the lock
        leash = subprocess.Popen(["sleep", "0.7"], pass_fds=[lock])
    began = time.monotonic()
    with only_instance(tmp_path):
        assert time.monotonic() - began > 0.4
    leash.wait()
