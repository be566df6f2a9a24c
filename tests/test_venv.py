"""What `.ci/venv.sh` installs, and when (SPEC L1)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RUN, TEST = "requirements.txt", "requirements-test.txt"


class Checkout:
    """A checkout whose environment notes what it is told to install."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / ".ci", folder / ".ci")
        python = folder / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(
            f"""#!/bin/sh
            if [ "$1 $2" != "-m pip" ]; then exec {sys.executable} "$@"; fi
            for file; do :; done
            echo "$file" >>installations
            test ! -e offline
            """
        )
        python.chmod(0o755)

    def lock(self, file: str, **versions: str) -> None:
        (self.folder / file).write_text(
            "".join(
                f"{name}=={version} \\\n    --hash=sha256:abc\n    # via -r requirements.in\n"
                for name, version in versions.items()
            )
        )

    def wants(self, file: str) -> list[str]:
        """Have what the file locks; the files that were installed for it."""
        noted = self.folder / "installations"
        noted.write_text("")
        subprocess.run(
            ["/bin/sh", "-euc", f". .ci/venv.sh; packages {file}"],
            cwd=self.folder,
            check=not (self.folder / "offline").exists(),
            capture_output=True,
        )
        return noted.read_text().split()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_what_is_there_is_not_installed_again(checkout: Checkout):
    checkout.lock(RUN, flask="3.0")
    checkout.lock(TEST, flask="3.0", pytest="8.0")
    assert checkout.wants(RUN) == [RUN]
    assert checkout.wants(TEST) == [TEST]
    for _ in range(2):
        assert checkout.wants(RUN) == []
        assert checkout.wants(TEST) == []


def test_what_one_lock_brought_another_need_not_bring_again(checkout: Checkout):
    checkout.lock(RUN, flask="3.0")
    checkout.lock(TEST, flask="3.0", pytest="8.0")
    assert checkout.wants(TEST) == [TEST]
    assert checkout.wants(RUN) == []


def test_a_lock_is_installed_again_when_another_changed_its_packages(checkout: Checkout):
    checkout.lock(RUN, flask="3.0")
    assert checkout.wants(RUN) == [RUN]
    checkout.lock(TEST, flask="3.1", pytest="8.0")
    assert checkout.wants(TEST) == [TEST]
    assert checkout.wants(RUN) == [RUN]
    assert checkout.wants(TEST) == [TEST]


def test_after_an_installation_that_failed_nothing_is_taken_for_granted(checkout: Checkout):
    checkout.lock(RUN, flask="3.0")
    assert checkout.wants(RUN) == [RUN]
    checkout.lock(RUN, flask="3.1")
    (checkout.folder / "offline").touch()
    assert checkout.wants(RUN) == [RUN]
    (checkout.folder / "offline").unlink()
    checkout.lock(RUN, flask="3.0")
    assert checkout.wants(RUN) == [RUN]
