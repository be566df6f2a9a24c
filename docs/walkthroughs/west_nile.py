#!/usr/bin/env python3
"""A rule closes the cases of people who must have recovered, and all of it is taken back.

The file is a list of human West Nile virus cases, one a row, with the columns id, date.tested and
death (and any others): the 766 cases of California in 2004 are such a list. Each row becomes a
case. A rule then takes everybody for recovered who was tested more than 60 days ago and is not
known to have died: it sets `outcome` and closes the case. It runs as of 1 November 2004.

What must come of it is worked out from the file alone, and held against what the product says and
what its cases are, after each step: the run, one form archived by hand, the run undone, the undo
taken back. Each time `verify` proves that every case is the replay of its forms.

    python3 docs/walkthroughs/west_nile.py west-nile-2004.csv \\
        --url http://127.0.0.1:5000 --project walk --key-file key.txt

The server and a worker must run; the command line is that of the same installation. The cases get a
type of their own, so that it can be walked again in the same project. Exit status: 0 when all is as
the file says, 1 when something differs, 2 when it could not go on.
"""

from __future__ import annotations

import sys
import uuid
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from outside import RULE_XMLNS, CommandLine, NewCase, Server
from walking import Taken, Walk, arguments, read_rows, rule_forms, servers, walk

AS_OF = date(2004, 11, 1)
DAYS = 60
OUTCOME = "presumed recovered"


def rule_for(case_type: str) -> dict[str, Any]:
    """The rule as JSON."""
    return {
        "name": "Presume recovery",
        "case_type": case_type,
        "match": "all",
        "criteria": [
            {"kind": "property", "property": "death", "operator": "not_equals", "value": "Yes"},
            {"kind": "date", "property": "date.tested", "operator": "after", "days": DAYS},
        ],
        "actions": [
            {"kind": "set", "property": "outcome", "value": OUTCOME},
            {"kind": "close"},
        ],
        "state": "inactive",
    }


def recovered(row: dict[str, str]) -> bool:
    """What the rule means, in other words than the product's."""
    if row["death"] == "Yes":
        return False
    try:
        tested = date.fromisoformat(row["date.tested"][:10])
    except ValueError:
        return False
    return tested + timedelta(days=DAYS) < AS_OF


class WestNile(Taken):
    """The walk, with what the file says: rows by the ids of their cases."""

    def __init__(self, file: Path, server: Server, shell: CommandLine) -> None:
        tag = uuid.uuid4().hex[:8]
        self.case_type = f"west_nile_{tag}"
        self.rows = {f"wn-{tag}-{row['id']}": row for row in read_rows(file)}
        self.closing = [one for one, row in self.rows.items() if recovered(row)]
        super().__init__(server, shell, list(self.rows))

    def steps(self, walk: Walk) -> None:
        """Walk all of it."""
        self.send(walk)
        run = self.run_rule(walk)
        self.take_back(walk, run, self.closing[len(self.closing) // 2])

    def send(self, walk: Walk) -> None:
        """Each row becomes a case."""
        walk.step(f"{len(self.rows)} rows are sent as cases of type {self.case_type}")
        for case_id, row in self.rows.items():
            self.server.send(NewCase(case_id, self.case_type, f"Case {row['id']}", row))
        self.before = self.cases()
        properties = {one: case["properties"] for one, case in self.before.items()}
        walk.same_cases("properties are as in the file", properties, self.rows)
        states = {one: case["state"] for one, case in self.before.items()}
        walk.same_cases("all are open", states, dict.fromkeys(self.rows, "open"))
        self.verify(walk)

    def run_rule(self, walk: Walk) -> dict[str, Any]:
        """Preview, and run by the worker."""
        expected = len(self.closing)
        rule = self.server.api("POST", "rules/v1/", rule_for(self.case_type))
        walk.step(f"The rule “{rule['name']}” is tried as of {AS_OF}, without a change")
        preview = self.server.api("POST", f"rules/v1/{rule['id']}/preview/?as_of={AS_OF}")
        walk.same("open cases", preview["open_cases"], len(self.rows))
        walk.same("would be closed", preview["would_close"], expected)
        not_dead = sum(row["death"] != "Yes" for row in self.rows.values())
        walk.same(
            "left by each condition",
            [one["left"] for one in preview["funnel"]],
            [not_dead, expected],
        )

        walk.step(f"The worker runs it as of {AS_OF}")
        run = self.server.run(rule["id"], str(AS_OF), preview["would_change"])
        walk.same("state", run["state"], "finished")
        for name, number in {
            "open_cases": len(self.rows),
            **dict.fromkeys(("matched", "changed", "closed", "submissions"), expected),
            **dict.fromkeys(("unchanged", "skipped", "errors", "left", "related_updates"), 0),
        }.items():
            walk.same(name, run[name], number)
        self.after = self.cases()
        wanted = {
            one: ("closed", row | {"outcome": OUTCOME}) if one in self.closing else ("open", row)
            for one, row in self.rows.items()
        }
        found = {one: (case["state"], case["properties"]) for one, case in self.after.items()}
        walk.same_cases("state and properties", found, wanted)
        forms = {
            one: [form["xmlns"] for form in rule_forms(case, run["id"])]
            for one, case in self.after.items()
        }
        walk.same_cases(
            "each change is a form of its own",
            forms,
            {one: [RULE_XMLNS] if one in self.closing else [] for one in self.rows},
        )
        self.verify(walk)
        return run


def main() -> int:
    """Walk with what the command line names."""
    given = arguments(__doc__ or "", "file")
    return walk(lambda one: WestNile(given.file, *servers(given)).steps(one))


if __name__ == "__main__":
    sys.exit(main())
