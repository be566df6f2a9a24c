"""`submit`, `forms …`, `case …`, `verify` and `init`, as people and scripts use them (SPEC L1)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.cli.conftest import Command
from tests.factories import mobile_worker
from tests.forms import XMLNS, case_block, form, new_id, open_case, send
from tests.history.by_rules import make_rule, make_run, write_form
from webapp.database import write_transaction
from webapp.projects.models import Project


@pytest.fixture
def fatima(project: Project) -> str:
    mobile_worker(project, "fatima")
    return "fatima"


def write(folder: Path, name: str, xml: bytes) -> str:
    file = folder / name
    file.write_bytes(xml)
    return str(file)


def test_submit_tells_of_each_file_what_became_of_it(
    run: Command, project: Project, fatima: str, tmp_path: Path
) -> None:
    good = form(case_block("a", create={"case_type": "patient"}), instance_id=new_id())
    files = [
        write(tmp_path, "good.xml", good),
        write(tmp_path, "again.xml", good),
        write(tmp_path, "lost.xml", form(case_block("b", index={"parent": ("p", "nowhere")}))),
        write(tmp_path, "none.xml", b"nothing"),
        str(tmp_path / "missing.xml"),
    ]
    ran = run("submit", "--project", project.name, "--as", fatima, *files)
    assert ran.code == 1
    good_line, again, lost, none, missing = ran.out.splitlines()
    assert "good.xml: processed (" in good_line
    assert "again.xml: a duplicate, which changed nothing" in again
    assert "lost.xml: kept, but not applied" in lost
    assert "nowhere, which this project has never had" in lost
    assert "none.xml: kept, but it is no form" in none
    assert "missing.xml: not sent: It cannot be read: No such file" in missing
    assert ran.err == "3 of 5 were not processed.\n"


def test_submit_reads_standard_input_and_answers_in_json(
    run: Command, project: Project, fatima: str
) -> None:
    identity = new_id()
    xml = form(case_block("a", user_id=None), instance_id=identity, user_id=None)
    ran = run("submit", "--project", project.name, "--as", fatima, "-", "--json", stdin=xml)
    assert ran.code == 0
    assert ran.err == ""
    assert ran.json == {
        "forms": [
            {
                "file": "-",
                "id": identity,
                "outcome": "processed",
                "problem": None,
                "processed": True,
            }
        ]
    }
    shown = run("forms", "show", "--project", project.name, identity, "--json").json
    assert shown["username"] == shown["sent_by"] == "fatima"
    assert [case["id"] for case in shown["cases"]] == ["a"]


def test_submit_wants_somebody_that_the_project_knows(
    run: Command, project: Project, tmp_path: Path
) -> None:
    file = write(tmp_path, "form.xml", form())
    ran = run("submit", "--project", project.name, "--as", "nobody", file)
    assert ran.code == 1
    assert "nobody" in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    "command",
    [
        ["submit", "--as", "x", "-"],
        ["case", "show", "a"],
        ["case", "rebuild", "a"],
        ["forms", "show", "a"],
        ["forms", "archive", "a"],
        ["forms", "restore", "a"],
        ["forms", "reprocess", "a"],
        ["verify"],
    ],
)
def test_an_unknown_project_is_a_sentence(run: Command, command: list[str]) -> None:
    ran = run(*command, "--project", "no-such-project")
    assert ran.code == 1
    assert ran.out == ""
    assert "no-such-project" in ran.err
    assert ran.err.count("\n") == 1


def test_every_command_has_help(run: Command) -> None:
    for command in (["init"], ["submit"], ["case", "show"], ["case", "rebuild"], ["verify"]):
        assert "Usage:" in run(*command, "--help").out
    for verb in ("show", "archive", "restore", "reprocess"):
        assert "Usage:" in run("forms", verb, "--help").out


def test_case_show(run: Command, session: Session, project: Project) -> None:
    open_case(session, project.id, "mother/1", village="Kisumu\x85")
    child = form(case_block("child", index={"parent": ("patient", "mother/1")}), name="Birth")
    identity = send(session, project.id, child).submission_id
    shown = run("case", "show", "--project", project.name, "child", "--json").json
    assert (shown["id"], shown["name"], shown["state"]) == ("child", "", "open")
    assert shown["indices"] == {
        "parent": {"case_id": "mother/1", "case_type": "patient", "relationship": "child"}
    }
    assert [one["id"] for one in shown["forms"]] == [identity]
    assert (shown["forms"][0]["xmlns"], shown["forms"][0]["run"]) == (XMLNS, None)
    both = run("case", "show", "--project", project.name, "mother/1", "child", "--json").json
    assert [one["id"] for one in both["cases"]] == ["mother/1", "child"]
    assert both["cases"][1] == shown
    text_shown = run("case", "show", "--project", project.name, "mother/1").out
    assert "type: patient\n" in text_shown
    assert "  village = Kisumu\\x85\n" in text_shown
    missing = run("case", "show", "--project", project.name, "other")
    assert (missing.code, missing.out) == (1, "")
    assert "There is no case “other”" in missing.err


def test_case_list(run: Command, session: Session, project: Project) -> None:
    open_case(session, project.id, "mother/1")
    open_case(session, project.id, "house", case_type="household")
    send(session, project.id, form(case_block("house", close=True)))

    def listed(*options: str) -> list[str]:
        ran = run("case", "list", "--project", project.name, "--json", *options)
        return [one["id"] for one in ran.json["cases"]]

    assert listed() == ["mother/1"]
    assert listed("--state", "any") == ["house", "mother/1"]
    assert listed("--state", "any", "--type", "patient") == ["mother/1"]
    assert listed("--state", "closed", "--search", "CASE HOUSE") == ["house"]
    assert listed("--owner", "nobody") == []
    assert listed("--state", "any", "--limit", "1") == ["house"]
    shown = run("case", "list", "--project", project.name)
    assert shown.out == "mother/1  open  patient  Case mother/1\n"


def test_forms_list(run: Command, session: Session, project: Project) -> None:
    first = open_case(session, project.id, "a").submission_id
    failed = send(session, project.id, form(case_block("b", index={"parent": ("p", "none")})))

    def listed(*options: str) -> list[str]:
        ran = run("forms", "list", "--project", project.name, "--json", *options)
        return [one["id"] for one in ran.json["forms"]]

    assert listed() == [failed.submission_id, first]
    assert listed("--state", "error") == [failed.submission_id]
    assert listed("--case", "a") == [first]
    assert listed("--limit", "1") == [failed.submission_id]
    newest, oldest = run("forms", "list", "--project", project.name).out.splitlines()
    assert "which this project has never had" in newest
    assert oldest.endswith(f"  normal  {first}  Visit")


def test_archive_and_restore_a_chain_in_any_order(
    run: Command, session: Session, project: Project
) -> None:
    first = open_case(session, project.id, "a").submission_id
    second = send(session, project.id, form(case_block("a", close=True))).submission_id
    options = ("--project", project.name)
    refused = run("forms", "archive", *options, first)
    assert refused.code == 1
    assert f"In the way: {second}." in refused.out
    ran = run("forms", "archive", *options, first, second, "--reason", "by mistake", "--json")
    assert ran.code == 0
    assert [one["id"] for one in ran.json["forms"]] == [second, first]
    assert run("case", "show", *options, "a", "--json").json["state"] == "deleted"
    again = run("forms", "archive", *options, first, "unknown", "--json")
    assert again.code == 1
    messages = [one["message"] for one in again.json["forms"]]
    assert messages[0] == "This form is already archived."
    assert "no form with this id" in messages[1]
    assert [one["done"] for one in again.json["forms"]] == [True, False]
    assert run("forms", "archive", *options, first).code == 0  # as it is asked for (A4)
    back = run("forms", "restore", *options, second, first)
    assert back.code == 0
    assert back.out.splitlines()[0].startswith(f"{first}: restored")
    again = run("forms", "restore", *options, first)
    assert (again.code, again.out) == (0, f"{first}: This form is not archived.\n")
    assert run("case", "show", *options, "a", "--json").json["state"] == "closed"
    assert run("verify", *options).code == 0


def test_a_reason_is_as_long_as_on_a_page(run: Command, session: Session, project: Project) -> None:
    first = open_case(session, project.id, "a").submission_id
    options = ("--project", project.name, first)
    long = run("forms", "archive", *options, "--reason", "x" * 1001)
    assert long.code == 2
    assert "A reason has at most 1,000 characters." in long.err
    assert run("forms", "archive", *options, "--reason", "x" * 1000).code == 0


def test_reprocess(run: Command, session: Session, project: Project) -> None:
    block = case_block("b", index={"parent": ("patient", "late")})
    identity = send(session, project.id, form(block)).submission_id
    options = ("--project", project.name)
    ran = run("forms", "reprocess", *options, identity)
    assert ran.code == 1
    assert "It still cannot be applied" in ran.out
    open_case(session, project.id, "late")
    assert run("forms", "reprocess", *options, identity).out == f"{identity}: processed\n"
    ran = run("forms", "reprocess", *options, identity)
    assert ran.code == 1
    assert "Only forms that could not be processed" in ran.out
    assert run("forms", "show", *options, identity, "--json").json["state"] == "normal"


def test_rebuild_says_what_was_wrong_and_verify_before_it(
    run: Command, session: Session, project: Project
) -> None:
    open_case(session, project.id, "a")
    open_case(session, project.id, "b")
    options = ("--project", project.name)
    assert run("case", "rebuild", *options, "--all", "--json").json == {"cases": 2, "wrong": 0}
    with write_transaction() as writing:
        writing.execute(
            text("UPDATE cases SET name = 'x' WHERE project_id = :p AND case_id = 'a'"),
            {"p": project.id},
        )
    ran = run("verify", *options)
    assert ran.code == 1
    assert f"{project.name}: Case a is not what its live forms make of it: name.\n" in ran.out
    assert ran.err == "1 things are wrong. Nothing was changed.\n"
    document = run("verify", *options, "--json").json
    assert document["clean"] is False
    assert document["projects"][0]["findings"] == [
        {
            "what": "case",
            "id": "a",
            "message": "Case a is not what its live forms make of it: name.",
        }
    ]
    ran = run("case", "rebuild", *options, "a", "b")
    assert ran.out == "2 rebuilt; 1 had been wrong.\n"
    assert run("verify", *options, "--json").json["clean"] is True


def test_rebuild_wants_cases_or_all(run: Command, project: Project) -> None:
    assert run("case", "rebuild", "--project", project.name).code == 2
    assert run("case", "rebuild", "--project", project.name, "a", "--all").code == 2
    ran = run("case", "rebuild", "--project", project.name, "a")
    assert (ran.code, ran.out) == (1, "")


def test_init_again_says_that_nothing_was_to_do(run: Command) -> None:
    ran = run("init")
    assert ran.code == 0
    assert "is up to date." in ran.out
    document = run("init", "--json").json
    assert (document["upgraded"], document["data_made"]) == (False, False)


def test_the_walk_of_a_case(run: Command, session: Session, project: Project) -> None:
    """Created, updated, closed, a late form; the closing form archived and restored."""
    options = ("--project", project.name)

    def case() -> tuple[str, str]:
        assert run("verify", *options).code == 0
        shown = run("case", "show", *options, "a", "--json").json
        return shown["state"], shown["properties"].get("status", "")

    open_case(session, project.id, "a", status="new")
    assert case() == ("open", "new")
    send(session, project.id, form(case_block("a", update={"status": "seen"})))
    assert case() == ("open", "seen")
    closing = send(session, project.id, form(case_block("a", close=True))).submission_id
    assert case() == ("closed", "seen")
    send(session, project.id, form(case_block("a", update={"status": "late"})))
    assert case() == ("closed", "late")
    assert run("forms", "archive", *options, closing).code == 0
    assert case() == ("open", "late")
    assert run("forms", "restore", *options, closing).code == 0
    assert case() == ("closed", "late")


def test_a_bad_setting_is_a_sentence_too(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parent.parent.parent
    environment = {**os.environ, "CASEKEEPER_DATA": str(tmp_path), "PORT": "many"}
    ran = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "webapp", "verify"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 1
    assert ran.stderr == "Error: PORT must be a whole number from 1 to 65535, not “many”.\n"


def test_a_rules_form_is_named_after_the_rule(
    run: Command, session: Session, project: Project
) -> None:
    open_case(session, project.id, "c-1")
    by_rule = make_run(session, make_rule(session, project.id, "Close stale"))
    identity = write_form(session, by_rule, "c-1", close=True)
    options = ("--project", project.name)
    shown = run("forms", "show", *options, identity, "--json").json
    assert (shown["name"], shown["run"]) == ("Close stale", by_rule.id)
    title = "Automatic Case Update Rule › Close stale"
    assert f"name: {title}\n" in run("forms", "show", *options, identity).out
    assert f"{identity}  {title}\n" in run("case", "show", *options, "c-1").out
