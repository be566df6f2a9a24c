"""`rules …` on the command line, as people and scripts use it (SPEC L1)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.api.callers import STALE, rule
from tests.cli.conftest import Command
from tests.forms import open_case
from webapp.audit.models import AuditEvent
from webapp.projects.models import Project


@pytest.fixture
def here(project: Project) -> tuple[str, str]:
    return ("--project", project.name)


def imported(run: Command, here: tuple[str, str], document: Any) -> Any:
    """What `rules import` says of a rule or a list."""
    ran = run("rules", "import", "-", *here, "--json", stdin=json.dumps(document))
    assert ran.code == 0, ran.err
    return ran.json


def test_a_rule_is_imported_listed_shown_and_exported(run: Command, here: tuple[str, str]):
    made = imported(run, here, rule(state="active"))
    assert (made["name"], made["state"], made["version"]) == (STALE["name"], "inactive", 1)
    listed = run("rules", "list", *here, "--json").json
    assert [each["id"] for each in listed["rules"]] == [made["id"]]
    line = run("rules", "list", *here).out
    assert made["id"] in line
    assert "inactive" in line
    assert STALE["name"] in line
    shown = run("rules", "show", made["id"], *here, "--json").json
    assert shown == made
    words = run("rules", "show", STALE["name"], *here).out
    assert "close_reason" in words
    exported = run("rules", "export", made["id"], *here)
    assert exported.json == STALE | {"state": "inactive"} | {
        name: exported.json[name] for name in exported.json if name in {"schedule", "brake"}
    }
    assert "id" not in exported.json


def test_what_was_exported_can_be_imported_and_overwrites_nothing(
    run: Command, here: tuple[str, str], tmp_path: Path
):
    imported(run, here, [rule(), rule(name="Second")])
    file = tmp_path / "rules.json"
    file.write_text(run("rules", "export", *here).out)
    ran = run("rules", "import", str(file), *here)
    assert ran.code == 0
    assert ran.out.count("inactive") == 2
    assert ran.err.count("already") == 2
    listed = run("rules", "list", *here, "--json").json["rules"]
    assert [each["name"] for each in listed] == [STALE["name"], "Second"] * 2
    assert len({each["id"] for each in listed}) == 4
    api = run("rules", "show", listed[0]["id"], *here, "--json").out
    file.write_text(api)
    assert run("rules", "import", str(file), *here, "--json").json["id"] != listed[0]["id"]


def test_a_file_with_anything_wrong_imports_nothing(
    run: Command, here: tuple[str, str], tmp_path: Path
):
    file = tmp_path / "rules.json"
    for content, words in (
        (json.dumps([rule(), rule(name=""), rule(criteria=[{"kind": "magic"}])]),
         ["[1].name: ", "[2].criteria[0].kind: "]),
        (json.dumps(rule(colour="blue")), ["colour: "]),
        ("[]", ["no rule in it"]),
        ("{", ["no JSON"]),
        ('{"name": "a", "name": "b"}', ["stands twice"]),
        ("5", ["Nothing was imported"]),
        ("[5]", ["[0]"]),
    ):  # fmt: skip
        file.write_text(content)
        ran = run("rules", "import", str(file), *here)
        assert (ran.code, ran.out) == (1, "")
        for word in words:
            assert word in ran.err
    assert run("rules", "list", *here, "--json").json == {"rules": []}
    assert run("rules", "import", str(tmp_path / "missing"), *here).code == 2


def test_activate_and_deactivate_several_or_none(
    run: Command, session: Session, project: Project, here: tuple[str, str]
):
    first = imported(run, here, rule())["id"]
    imported(run, here, rule(name="Second"))
    done = run("rules", "activate", first, "second", *here, "--json")
    assert [each["state"] for each in done.json["rules"]] == ["active", "active"]
    assert run("rules", "deactivate", "Second", "nobody", *here).code == 1
    states = [each["state"] for each in run("rules", "list", *here, "--json").json["rules"]]
    assert states == ["active", "active"]
    assert run("rules", "deactivate", "Second", *here).out.split()[1] == "inactive"
    session.rollback()
    sources = session.scalars(select(AuditEvent.source).where(AuditEvent.project_id == project.id))
    assert "command line" in set(sources)


def test_a_rule_is_named_by_its_id_or_by_a_name_that_no_other_has(
    run: Command, here: tuple[str, str]
):
    first = imported(run, here, rule(name="Tidy"))["id"]
    second = imported(run, here, rule(name="Tidy"))["id"]
    ran = run("rules", "show", "Tidy", *here)
    assert (ran.code, ran.out) == (1, "")
    assert first in ran.err
    assert second in ran.err
    imported(run, here, rule(name="TIDY"))
    assert run("rules", "show", "TIDY", *here, "--json").json["name"] == "TIDY"
    assert run("rules", "show", first, *here, "--json").json["id"] == first
    missing = run("rules", "show", "Other", *here)
    assert (missing.code, missing.out) == (1, "")
    assert "There is no rule “Other”" in missing.err


def test_preview_and_explain(
    run: Command, session: Session, project: Project, here: tuple[str, str]
):
    open_case(session, project.id, "a", status="completed", edd="2020-01-01")
    open_case(session, project.id, "b", status="completed", edd="soon")
    made = imported(run, here, rule())["id"]
    found = run("rules", "preview", made, *here, "--json").json
    assert (found["open_cases"], found["matched"], found["would_close"]) == (2, 1, 1)
    text = run("rules", "preview", made, *here).out
    assert "matched: 1\n" in text
    assert "  a  Case a  closes\n" in text
    assert "    a: close_reason: nothing → “automatic”\n" in text
    assert ": cannot be read in 1\n" in text
    assert "warning" not in text
    imported(run, here, rule(name="Wrong", actions=[
        {"kind": "copy", "property": "due", "from": "eddd"},
    ]))  # fmt: skip
    assert "warning: No open case" in run("rules", "preview", "Wrong", *here).out
    then = run("rules", "preview", made, *here, "--as-of", "2019-01-01", "--json").json
    assert (then["matched"], then["as_of"]) == (0, "2019-01-01T00:00:00.000000Z")
    explained = run("rules", "explain", made, "a", *here, "--json").json
    assert (explained["matches"], len(explained["criteria"])) == (True, 2)
    lines = run("rules", "explain", made, "b", *here).out
    assert lines.startswith("does not match\n")
    assert "found “soon”" in lines
    assert run("rules", "explain", made, "nobody", *here).code == 1
    open_case(session, project.id, "c", title="x" * 300)
    imported(run, here, rule(
        name="Rename", match="every_case", criteria=[],
        actions=[{"kind": "copy", "property": "name", "from": "title"}],
    ))  # fmt: skip
    assert "cannot be done: " in run("rules", "explain", "Rename", "c", *here).out
    imported(run, here, rule(name="All", match="every_case", criteria=[], actions=[
        {"kind": "set", "property": "status", "value": "completed"},
    ]))  # fmt: skip
    case_type = rule()["case_type"]
    assert run("rules", "explain", "All", "a", *here).out == (
        f"matches: every open case of the type {case_type}\n"
        "would change nothing: the case is as the rule wants it\n"
    )
    for out_of_range in ("0001-01-01", "9999-12-31"):
        ran = run("rules", "preview", made, *here, "--as-of", out_of_range)
        assert "Enter a date from 0002-01-01 to 9998-12-31." in ran.err
    for command in (["preview", made], ["explain", made, "a"], ["run", made]):
        ran = run("rules", *command, *here, "--as-of", "tomorrow")
        assert (ran.code, ran.out) == (1, "")
        assert "2026-01-31" in ran.err


@pytest.mark.parametrize(
    "command",
    [["list"], ["show", "x"], ["import", "-"], ["export"], ["activate", "x"], ["deactivate", "x"],
     ["preview", "x"], ["explain", "x", "a"], ["run"]],
)  # fmt: skip
def test_an_unknown_project_is_a_sentence_and_each_command_has_help(
    run: Command, command: list[str]
):
    ran = run("rules", *command, "--project", "no-such-project", stdin=json.dumps(rule()))
    assert (ran.code, ran.out) == (1, "")
    assert "no-such-project" in ran.err
    assert "Usage:" in run("rules", command[0], "--help").out
