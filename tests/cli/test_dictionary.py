"""`dictionary export / import` on the command line (SPEC U10, L1)."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from tests import factories
from tests.cli.conftest import Command
from tests.forms import open_case
from webapp.dictionary.queries import get_property
from webapp.projects.models import Project


def test_a_dictionary_goes_from_one_project_to_another(
    run: Command, session: Session, project: Project, tmp_path: Path
):
    open_case(session, project.id, "ada", edd="2026-05-01")
    here, there = ("--project", project.name), ("--project", factories.project().name)
    said = "case_type,property,label,data_type\npatient,edd,=Due,date\n"
    assert run("dictionary", "import", "-", *here, "--dry-run", stdin=said).out == (
        "0 would be added, 1 changed; 0 rows say nothing new.\n"
    )
    counts = run("dictionary", "import", "-", *here, "--json", stdin=said).json
    assert counts == {"added": 0, "changed": 1, "unchanged": 0, "dry_run": False}
    session.rollback()
    assert get_property(session, project.id, "patient", "edd").label == "=Due"
    file = tmp_path / "dictionary.csv"
    file.write_text(run("dictionary", "export", *here).out)
    assert "patient,edd,'=Due,,,date,no," in file.read_text()
    assert run("dictionary", "import", str(file), *there).out.startswith("2 were added")
    rows = [run("dictionary", "export", *where, "--json").json for where in (here, there)]
    assert rows[0] == rows[1]
    assert rows[0]["rows"][1]["label"] == "=Due"


def test_a_file_at_fault_changes_nothing(run: Command, project: Project):
    here = ("--project", project.name)
    faulty = "case_type,property,data_type\npatient,edd,day\n"
    ran = run("dictionary", "import", "-", *here, stdin=faulty)
    assert (ran.code, ran.out) == (1, "")
    assert "Line 2: data_type: “day” is none of" in ran.err
    assert "Nothing was imported." in ran.err
    assert run("dictionary", "import", "-", *here, stdin=b"\xff").code == 1
    row = f"patient,edd,{'क' * 1300}\n"
    large = "case_type,property,description\n" + row.replace("edd", "lmp") + row * 1100
    ran = run("dictionary", "import", "-", *here, stdin=large[:1_400_000])
    assert (ran.code, ran.out) == (1, "")
    assert "larger than 4 MB" in ran.err
    assert run("dictionary", "export", *here, "--json").json == {"rows": []}
