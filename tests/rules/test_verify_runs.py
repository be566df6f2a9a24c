"""Verify finds what is wrong with a run (SPEC L3)."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from tests.forms import open_case
from tests.rules.running import (
    case,
    done,
    forms_of,
    rule_that,
    sets,
)
from tests.rules.test_apply_parity import assert_clean
from webapp.cases.models import CaseTransaction
from webapp.database import write_transaction
from webapp.projects.models import Project
from webapp.rules.models import Run, RunCase
from webapp.rules.verify import verify_runs
from webapp.submissions.verify import verify


class TestVerify:
    def test_finds_a_form_that_its_run_may_not_have_written(
        self, app: Flask, session: Session, project: Project
    ):
        open_case(session, project.id, "ana")
        run = done(project, rule_that(sets("a", "1")))
        (row,) = forms_of(session, run)
        of_form = CaseTransaction.submission == row.id
        change = session.scalars(select(CaseTransaction.change).where(of_form)).one()
        for wrong in (
            {"properties": {"a": "2"}},
            {"properties": {"b": "1"}},
            {"closes": True},
            {"user": "ana"},
            {"date_modified": 1},
            {"given": {"name": "x"}},
        ):
            with write_transaction() as write:
                write.execute(update(CaseTransaction).where(of_form).values(change=change | wrong))
            sentences = [one.sentence for one in verify_runs(session, project.id)]
            assert f"The form {row.submission_id} is not what run {run.id} may have" in sentences[0]
        with write_transaction() as write:
            write.execute(update(CaseTransaction).where(of_form).values(change=change))
        assert_clean(app, session, project)

    def test_finds_a_form_without_its_transaction_and_wrong_counts(
        self, app: Flask, session: Session, project: Project
    ):
        open_case(session, project.id, "ana")
        run = done(project, rule_that(sets("a", "1")))
        (row,) = forms_of(session, run)
        with write_transaction() as write:
            write.execute(delete(CaseTransaction).where(CaseTransaction.submission == row.id))
            write.execute(update(Run).where(Run.id == run.id).values(changed=2))
        sentences = [one.sentence for one in verify_runs(session, project.id)]
        assert any("not what run" in one for one in sentences)
        assert any("has not counted" in one for one in sentences)
        folder = app.extensions["settings"].attachments
        found = [one.sentence for one in verify(session, project.id, attachments=folder)]
        assert any("is of a rule, but has 0 transactions" in one for one in found)

    def test_finds_a_plan_that_was_not_dropped(self, session: Session, project: Project):
        open_case(session, project.id, "ana")
        run = done(project, rule_that(sets("a", "1")))
        with write_transaction() as write:
            key = case(session, project, "ana").id
            write.add(RunCase(project_id=project.id, run=run.id, place=0, case=key))
        (found,) = verify_runs(session, project.id)
        assert "1 rows of its plan are left" in found.sentence
