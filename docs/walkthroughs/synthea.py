#!/usr/bin/env python3
"""A rule that looks at parents, copies from them and writes to them; and all of it is taken back.

Two files: patients (id, name, deceased, state and any others) and their care plans (id, patient_id,
plan, status and any others), such as Synthea makes. Each patient becomes a case, and each plan a
case whose parent is its patient. A rule then ends the plans of patients from Massachusetts who died
before 1 January 2019: it copies the time of death, sets `status` and closes the plan; and at the
patient it notes that the plans have ended, and which one was the last.

What must come of it is worked out from the files alone, and held against what the product says and
what its cases are. Plans act one after the other, oldest first, and at the patient each writes a
form only where something differs at that moment. Then one form is archived by hand, the run is
undone and the undo taken back; each time `verify` proves that every case is the replay of its
forms.

    python3 docs/walkthroughs/synthea.py synthea-patients.csv synthea-careplans.csv \\
        --url http://127.0.0.1:5000 --project walk --key-file key.txt

The server and a worker must run; the command line is that of the same installation. The cases get
types of their own, so that it can be walked again in the same project. Exit status: 0 when all is
as the files say, 1 when something differs, 2 when it could not go on.
"""

from __future__ import annotations

import sys
import uuid
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from outside import RULE_XMLNS, CommandLine, NewCase, Server
from walking import Taken, Walk, arguments, read_rows, rule_forms, servers, walk

AS_OF = date(2019, 1, 1)
STATE = "Massachusetts"
ENDED = "ended: the patient died"


def rule_for(case_type: str) -> dict[str, Any]:
    """The rule as JSON."""
    return {
        "name": "End the plans of the dead",
        "case_type": case_type,
        "match": "all",
        "criteria": [
            {"kind": "date", "property": "parent/deceased", "operator": "after"},
            {
                "kind": "property",
                "property": "parent/state",
                "operator": "equals",
                "value": STATE,
            },
        ],
        "actions": [
            {"kind": "copy", "property": "patient_died", "from": "parent/deceased"},
            {"kind": "set", "property": "status", "value": ENDED},
            {"kind": "set", "property": "parent/plans", "value": "ended"},
            {"kind": "copy", "property": "parent/last_plan", "from": "plan"},
            {"kind": "close"},
        ],
        "state": "inactive",
    }


class Synthea(Taken):
    """The walk, with what the files say: rows by the ids of their cases."""

    def __init__(self, patients: Path, plans: Path, server: Server, shell: CommandLine) -> None:
        self.tag = uuid.uuid4().hex[:8]
        self.patient_type, self.plan_type = f"patient_{self.tag}", f"careplan_{self.tag}"
        self.patients = {self.id_of(row["id"]): row for row in read_rows(patients)}
        self.plans = {self.id_of(row["id"]): row for row in read_rows(plans)}
        #: What cases have when the rule is done, and how many forms of it each has.
        self.wanted = {one: self.properties(one) for one in (*self.patients, *self.plans)}
        self.forms: Counter[str] = Counter()
        self.closing = [one for one, row in self.plans.items() if self.matches(row)]
        for one in self.closing:
            self.end(one)
        super().__init__(server, shell, list(self.wanted))

    def id_of(self, of_file: str) -> str:
        """The id of a row's case."""
        return f"sy-{self.tag}-{of_file}"

    def properties(self, case_id: str) -> dict[str, str]:
        """What a row says, but for the name: that is the case's."""
        row = self.patients.get(case_id) or self.plans[case_id]
        return {name: value for name, value in row.items() if name != "name"}

    def matches(self, plan: dict[str, str]) -> bool:
        """What the rule means, in other words than the product's."""
        patient = self.patients[self.id_of(plan["patient_id"])]
        died = patient["deceased"][:10]
        return bool(died) and date.fromisoformat(died) < AS_OF and patient["state"] == STATE

    def end(self, case_id: str) -> None:
        """What the rule does to one plan and to its patient."""
        plan = self.plans[case_id]
        parent = self.id_of(plan["patient_id"])
        died = self.patients[parent]["deceased"]
        self.wanted[case_id] |= {"patient_died": died, "status": ENDED}
        self.forms[case_id] += 1
        noted = self.wanted[parent] | {"plans": "ended", "last_plan": plan["plan"]}
        if noted != self.wanted[parent]:
            self.wanted[parent] = noted
            self.forms[parent] += 1

    def steps(self, walk: Walk) -> None:
        """Walk all of it."""
        self.send(walk)
        run = self.run_rule(walk)
        self.take_back(walk, run, self.closing[len(self.closing) // 2])

    def send(self, walk: Walk) -> None:
        """Each row becomes a case; a plan's parent is its patient."""
        walk.step(f"{len(self.patients)} patients and {len(self.plans)} care plans are sent")
        for one, row in self.patients.items():
            self.server.send(NewCase(one, self.patient_type, row["name"], self.properties(one)))
        for one, row in self.plans.items():
            parent = (self.id_of(row["patient_id"]), self.patient_type)
            properties = self.properties(one)
            self.server.send(NewCase(one, self.plan_type, row["plan"], properties, parent))
        self.before = self.cases()
        found = {one: case["properties"] for one, case in self.before.items()}
        walk.same_cases(
            "properties are as in the files", found, {one: self.properties(one) for one in found}
        )
        names = {one: self.before[one]["name"] for one in self.patients}
        walk.same_cases("names", names, {one: row["name"] for one, row in self.patients.items()})
        parents = {one: self.before[one]["indices"]["parent"]["case_id"] for one in self.plans}
        walk.same_cases(
            "parents",
            parents,
            {one: self.id_of(row["patient_id"]) for one, row in self.plans.items()},
        )
        self.verify(walk)

    def run_rule(self, walk: Walk) -> dict[str, Any]:
        """Preview, and run by the worker."""
        ended = len(self.closing)
        numbers = {
            "open_cases": len(self.plans),
            "matched": ended,
            "related_updates": sum(self.forms[one] for one in self.patients),
            "submissions": self.forms.total(),
            "unchanged": 0,
            "errors": 0,
        }
        rule = self.server.api("POST", "rules/v1/", rule_for(self.plan_type))
        walk.step(f"The rule “{rule['name']}” is tried as of {AS_OF}, without a change")
        preview = self.server.api("POST", f"rules/v1/{rule['id']}/preview/?as_of={AS_OF}")
        for name, number in {"would_change": ended, "would_close": ended, **numbers}.items():
            walk.same(name, preview[name], number)

        walk.step(f"The worker runs it as of {AS_OF}")
        run = self.server.run(rule["id"], str(AS_OF), preview["would_change"])
        walk.same("state", run["state"], "finished")
        numbers |= {"changed": ended, "closed": ended, "skipped": 0, "left": 0}
        for name, number in numbers.items():
            walk.same(name, run[name], number)
        self.after = self.cases()
        properties = {one: case["properties"] for one, case in self.after.items()}
        walk.same_cases("properties", properties, self.wanted)
        closed = [one for one, case in self.after.items() if case["state"] == "closed"]
        walk.same("closed, and only those", sorted(closed) == sorted(self.closing), True)
        forms = {
            one: [form["xmlns"] for form in rule_forms(case, run["id"])]
            for one, case in self.after.items()
        }
        walk.same_cases(
            "each change is a form of its own",
            forms,
            {one: [RULE_XMLNS] * self.forms[one] for one in self.wanted},
        )
        self.verify(walk)
        return run


def main() -> int:
    """Walk with what the command line names."""
    given = arguments(__doc__ or "", "patients", "plans")
    return walk(lambda one: Synthea(given.patients, given.plans, *servers(given)).steps(one))


if __name__ == "__main__":
    sys.exit(main())
