"""A walk-through: its steps, what is held against what should be, and how a run is taken back."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from outside import ROOT, CommandLine, Server, Stop


class Walk:
    """The steps of a walk: prints each, and counts what differs from what should be."""

    def __init__(self) -> None:
        self.differences = 0

    def step(self, words: str) -> None:
        """Begin a step."""
        print(f"\n{words}", flush=True)

    def say(self, words: str) -> None:
        """Tell something."""
        print(f"  {words}", flush=True)

    def same(self, what: str, found: object, expected: object) -> None:
        """Hold what is there against what should be."""
        if found == expected:
            print(f"  ok    {what}: {_short(found)}", flush=True)
        else:
            self.differences += 1
            print(f"  WRONG {what}: {_short(found)}, expected {_short(expected)}", flush=True)

    def same_cases(
        self, what: str, found: Mapping[str, object], expected: Mapping[str, object]
    ) -> None:
        """The same for many cases; those that differ are named."""
        wrong = [one for one in expected if found.get(one) != expected[one]]
        wrong += [one for one in found if one not in expected]
        for one in wrong[:3]:
            self.say(f"{one}: {_short(found.get(one))}, expected {_short(expected.get(one))}")
        self.same(f"{what}, of {len(expected)} cases", f"{len(wrong)} differ", "0 differ")

    def end(self) -> int:
        """Say how it went, and return the exit status."""
        if self.differences:
            print(f"\n{self.differences} of the numbers are not what the file says.")
            return 1
        print("\nAll as the file says.")
        return 0


class Taken:
    """The cases of a walk before and after a run, and taking that run back, wholly and in part."""

    def __init__(self, server: Server, shell: CommandLine, ids: Sequence[str]) -> None:
        self.server, self.shell, self.ids = server, shell, ids
        #: All cases by id, before the run and after it.
        self.before: dict[str, dict[str, Any]] = {}
        self.after: dict[str, dict[str, Any]] = {}

    def take_back(self, walk: Walk, run: Mapping[str, Any], one_case: str) -> None:
        """Archive the run's form about one case by hand, undo the run, and take the undo back.

        After each, every case is held, to the last attribute, against what it was at earlier steps.
        """
        walk.step(f"The form that closed {one_case} is archived by hand")
        forms = rule_forms(self.after[one_case], run["id"])
        if len(forms) != 1:
            raise Stop(f"Run {run['id']} wrote {len(forms)} forms about {one_case}.")
        self.shell.archive(forms[0]["id"])
        without_one = self.after | {one_case: self.before[one_case]}
        walk.same("its state", self.shell.cases([one_case])[one_case]["state"], "open")
        self.compare(walk, without_one)

        walk.step("The run is undone")
        undone = self.server.undo(run["id"])["undo"]
        walk.same("forms archived", undone["succeeded"], run["submissions"] - 1)
        self.compare(walk, self.before)

        walk.step("The undo is taken back: only what it did")
        redone = self.server.redo(run["id"])["undo"]
        walk.same("forms restored", redone["succeeded"], run["submissions"] - 1)
        self.compare(walk, without_one)
        walk.say(f"{one_case} is still open")

    def compare(self, walk: Walk, expected: Mapping[str, Mapping[str, Any]]) -> None:
        """Hold all cases against what they were at an earlier step."""
        now = {one: state_of(case) for one, case in self.cases().items()}
        walk.same_cases("all is as expected", now, {o: state_of(c) for o, c in expected.items()})
        self.verify(walk)

    def cases(self) -> dict[str, dict[str, Any]]:
        """All cases as they are now."""
        return self.shell.cases(self.ids)

    def verify(self, walk: Walk) -> None:
        """Every case is the replay of its forms. Raises Stop if one is not."""
        walk.say(f"verify: {self.shell.verify()}")


def state_of(case: Mapping[str, Any]) -> dict[str, Any]:
    """All that a case is, without when its row was last written and which forms touched it."""
    return {name: case[name] for name in case if name not in {"indexed_on", "forms"}}


def rule_forms(case: Mapping[str, Any], run: int) -> list[dict[str, Any]]:
    """The forms about a case that a run wrote."""
    return [form for form in case["forms"] if form["run"] == run]


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file. Raises Stop when there is none."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    if not rows:
        raise Stop(f"There are no rows in {path}.")
    return rows


def arguments(about: str, *files: str) -> argparse.Namespace:
    """What a walk asks for on its command line; `files` name the CSV files."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in files:
        parser.add_argument(name, type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:5000", help="where the server is")
    parser.add_argument("--project", default="demo")
    parser.add_argument(
        "--key-file",
        type=Path,
        required=True,
        help="what `key create` prints: an API key of somebody who may edit",
    )
    parser.add_argument(
        "--flask",
        default=f"{ROOT / '.venv/bin/flask'} --app webapp",
        help="the command line of the same installation (%(default)s)",
    )
    return parser.parse_args()


def servers(given: argparse.Namespace) -> tuple[Server, CommandLine]:
    """The server and the command line that the arguments name."""
    key = given.key_file.read_text(encoding="utf-8").splitlines()[0].strip()
    return Server(given.url, given.project, key), CommandLine(given.flask, given.project)


def walk(steps: Callable[[Walk], None]) -> int:
    """Walk, and return the exit status: 0 when all is as it should be, 1 when something differs,
    2 when it could not go on and nothing differed until then."""
    begun = Walk()
    try:
        steps(begun)
    except (Stop, OSError) as error:
        print(f"\nStopped: {error}", file=sys.stderr)
        return 1 if begun.differences else 2
    return begun.end()


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 300 else f"{text[:300]}…"
