"""Exports: the same rows as the list, whole or not at all, whatever dies meanwhile (SPEC U10)."""

from __future__ import annotations

import csv
import stat
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import case_block, form, new_id, open_case, send
from tests.history.bulk import in_state, worked
from tests.history.past import PRESENT, make_past
from tests.jobs.work import let_heartbeat_pass
from webapp import clock
from webapp.audit.models import AuditEvent
from webapp.cases.models import Case
from webapp.clock import DAY, from_datetime, now, pretend
from webapp.database import write_transaction
from webapp.exchange import exports, pieces
from webapp.exchange.exports import export_of, start_export, tidy_exports
from webapp.exchange.files import place
from webapp.exchange.lists import Of
from webapp.exchange.models import Export
from webapp.exchange.write import Format
from webapp.history.calendar import ANY_TIME, Calendar, Days
from webapp.history.filters import SubmissionFilter, UserType, query_string
from webapp.history.search import matching
from webapp.jobs import heartbeat, tasks
from webapp.jobs.claim import claim
from webapp.jobs.models import Job, JobState
from webapp.jobs.queue import ask_stop, resume
from webapp.projects.models import Project
from webapp.submissions.archive import archive
from webapp.submissions.models import State, Submission

EVERY = "received=any&state=any"


def asked(session: Session, project: Project, query: str, of: Of, kind: Format) -> Job:
    with write_transaction():
        return start_export(session, project.id, of, kind, query, by=factories.actor())


def exported(
    session: Session,
    project: Project,
    query: str = EVERY,
    *,
    of: Of = Of.FORMS,
    kind: Format = Format.CSV,
) -> Job:
    return worked(session, asked(session, project, query, of, kind))


def table(session: Session, job: Job) -> list[dict[str, str]]:
    """The rows of a CSV file, by the heads of its columns."""
    export = export_of(session, job)
    assert job.state is JobState.FINISHED, job.problem
    assert export.file is not None
    with place(export.file).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def files(app: Flask, export: Export) -> list[str]:
    folder: Path = app.extensions["settings"].exports
    return sorted(path.name for path in folder.glob(f"{export.token}*"))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece of the work is one read of seven rows."""
    monkeypatch.setattr(pieces, "BATCH", 7)
    monkeypatch.setattr(pieces, "PIECE_S", 0.0)


def test_an_export_has_the_forms_of_the_list_in_their_order(
    session: Session, monkeypatch: pytest.MonkeyPatch
):
    past = make_past(session)
    project = session.get_one(Project, past.project_id)
    monkeypatch.setattr(clock, "now", lambda: from_datetime(PRESENT))
    calendar = Calendar.of(project)
    for wanted in (
        SubmissionFilter(),
        SubmissionFilter(received=ANY_TIME, state=None),
        SubmissionFilter(received=Days(date(2026, 2, 10), date(2026, 3, 1)), state=None),
        SubmissionFilter(received=ANY_TIME, state=None, user_types=frozenset({UserType.UNKNOWN})),
        SubmissionFilter(received=ANY_TIME, state=None, case=past.cases[0]),
        SubmissionFilter(received=ANY_TIME, state=None, rule=past.rules[0]),
        SubmissionFilter(received=ANY_TIME, state=State.ERROR),
        SubmissionFilter(received=ANY_TIME, user=past.users[0], app="nutrition"),
    ):
        shown = session.scalars(
            matching(project.id, wanted, calendar)
            .with_only_columns(Submission.submission_id)
            .order_by(Submission.received_on.desc())
        ).all()
        job = exported(session, project, query_string(wanted))
        rows = table(session, job)
        assert [row["Form id"] for row in rows] == shown, wanted
        assert (job.total, job.succeeded) == (len(shown), len(shown))


def test_a_row_says_what_the_list_says_and_when_in_two_ways(session: Session):
    project = factories.project(timezone="Africa/Nairobi")
    worker = factories.mobile_worker(project)
    block = case_block(
        "p-1",
        create={"case_type": "patient", "case_name": "=Amina", "owner_id": "o"},
        update={"edd": "2026-01-01"},
        user_id=None,
    )
    with pretend(from_datetime(datetime(2026, 1, 3, 5, 0, 1, 7, tzinfo=UTC))):
        send(session, project.id, form(block, user_id=worker.user_id, xmlns="http://x/visit"))
    [row] = table(session, exported(session, project))
    assert row["Received (Africa/Nairobi)"] == "2026-01-03 08:00:01"
    assert row["Received (exactly, UTC)"].startswith("2026-01-03T05:00:01.")
    assert (row["User"], row["User type"]) == (worker.username, "Mobile worker")
    assert (row["Number of cases"], row["Cases"], row["Case ids"]) == ("1", "'=Amina", "p-1")
    assert row["What changed"] == "opened (edd)"
    export = export_of(session, exported(session, project, kind=Format.XLSX))
    assert export.file is not None
    [head, line] = load_workbook(place(export.file)).worksheets[0].values
    cells = dict(zip(head, line, strict=True))
    assert cells["Received (Africa/Nairobi)"] == datetime(2026, 1, 3, 8, 0, 1)  # noqa: DTZ001
    assert (cells["Number of cases"], cells["Cases"]) == (1, "=Amina")


def test_cases_of_a_type_have_their_properties_as_columns(session: Session, project: Project):
    for number, kind in enumerate(("patient", "patient", "household")):
        create = {"case_type": kind, "case_name": f"Name {number}", "owner_id": "o"}
        block = case_block(
            f"c-{number}", create=create, update={f"p{number}": "", "edd": str(number)}
        )
        send(session, project.id, form(block))
    rows = table(session, exported(session, project, "type=patient", of=Of.CASES))
    assert [row["Case id"] for row in rows] == ["c-1", "c-0"], "newest change first, as the list"
    assert list(rows[0])[-3:] == ["edd", "p0", "p1"]
    assert [row["edd"] for row in rows] == ["1", "0"]
    every = table(session, exported(session, project, "state=any", of=Of.CASES))
    assert {row["Case id"] for row in every} == {"c-0", "c-1", "c-2"}
    assert "edd" not in every[0], "of several types the properties are too many"
    assert table(session, exported(session, project, "type=nothing", of=Of.CASES)) == []


def test_the_list_is_that_of_the_beginning(
    session: Session, project: Project, small_pieces: None, monkeypatch: pytest.MonkeyPatch
):
    """What comes, goes or changes while the rows are read neither adds one nor drops one."""
    ids = [open_case(session, project.id, new_id()).submission_id for _ in range(10)]
    read, project_id = pieces.ReadRows.read, project.id

    def change_then_read(self: pieces.ReadRows, reading: Session) -> None:
        monkeypatch.setattr(pieces.ReadRows, "read", read)
        with write_transaction() as writing:
            archive(writing, project_id, ids[0], by=factories.actor())
        open_case(session, project_id, new_id())
        read(self, reading)

    monkeypatch.setattr(pieces.ReadRows, "read", change_then_read)
    rows = table(session, exported(session, project, "received=any"))
    assert [row["Form id"] for row in rows] == ids[::-1]
    assert rows[-1]["State"] == "Archived", "a value is what it is when it is read"


@pytest.mark.usefixtures("small_pieces")
class TestWhateverHappens:
    @pytest.fixture
    def ids(self, session: Session, project: Project) -> list[str]:
        return [open_case(session, project.id, new_id()).submission_id for _ in range(20)][::-1]

    def begun(self, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch) -> Job:
        """An export that was read in part, and handed back."""
        job = asked(session, project, EVERY, Of.FORMS, Format.CSV)
        take = pieces.ReadRows.take

        def take_and_leave(self: pieces.ReadRows, job: Job, export: Export) -> None:
            take(self, job, export)
            tasks.leaving.set()

        with monkeypatch.context() as patch:
            patch.setattr(pieces.ReadRows, "take", take_and_leave)
            worked(session, job)
        tasks.leaving.clear()
        assert (job.state, job.processed) == (JobState.QUEUED, 7)
        return job

    def test_it_goes_on_where_it_was_handed_back(
        self, app: Flask, session: Session, project: Project, ids, monkeypatch: pytest.MonkeyPatch
    ):
        job = self.begun(session, project, monkeypatch)
        assert len(files(app, export_of(session, job))) == 2, "the keys, and seven rows"
        assert export_of(session, job).file is None
        worked(session, job)
        assert [row["Form id"] for row in table(session, job)] == ids
        export = export_of(session, job)
        assert files(app, export) == [export.file], "the pieces are let go"
        assert stat.S_IMODE(place(export.file or "").stat().st_mode) == 0o600
        assert stat.S_IMODE(place("").stat().st_mode) == 0o700
        assert export.begun == 1

    def test_a_worker_that_was_replaced_spoils_nothing(
        self, app: Flask, session: Session, project: Project, ids, monkeypatch: pytest.MonkeyPatch
    ):
        """It was paused within a piece, another one goes on, and then it awakes."""
        job = self.begun(session, project, monkeypatch)
        read = pieces.ReadRows.read

        def be_paused(self: pieces.ReadRows, reading: Session) -> None:
            read(self, reading)
            monkeypatch.setattr(pieces.ReadRows, "read", read)
            let_heartbeat_pass(job)
            tasks.work(job.id)

        monkeypatch.setattr(pieces.ReadRows, "read", be_paused)
        worked(session, job)
        assert [row["Form id"] for row in table(session, job)] == ids
        assert len(files(app, export_of(session, job))) == 2, "its piece belongs to nothing"
        later = now() + 2 * DAY
        monkeypatch.setattr("webapp.exchange.exports.time.time", lambda: later / 1e6)
        tidy_exports(now())
        assert files(app, export_of(session, job)) == [export_of(session, job).file]

    def test_stopped_it_offers_nothing_and_resumed_it_goes_on(
        self, session: Session, project: Project, ids, monkeypatch: pytest.MonkeyPatch
    ):
        job = self.begun(session, project, monkeypatch)
        with write_transaction():
            ask_stop(session, project.id, job.id, by=factories.actor())
        worked(session, job)
        assert (job.state, job.processed) == (JobState.STOPPED, 7)
        assert export_of(session, job).file is None
        with write_transaction():
            resume(session, project.id, job.id, by=factories.actor())
        worked(session, job)
        assert [row["Form id"] for row in table(session, job)] == ids

    def test_it_stops_while_the_file_is_written(
        self, app: Flask, session: Session, project: Project, ids, monkeypatch: pytest.MonkeyPatch
    ):
        job = asked(session, project, EVERY, Of.FORMS, Format.XLSX)
        project_id, job_id = project.id, job.id
        read, check = pieces.WriteFile.read, pieces.check

        def stop_then_read(self: pieces.WriteFile, reading: Session) -> None:
            with write_transaction() as writing:
                ask_stop(writing, project_id, job_id, by=factories.actor())
            monkeypatch.setattr(pieces, "check", check_when_it_is_seen)
            read(self, reading)

        def check_when_it_is_seen(reading: Session) -> None:
            until = time.monotonic() + 10
            while reading.info[heartbeat.WATCH].why is None and time.monotonic() < until:
                time.sleep(0.01)
            check(reading)

        with monkeypatch.context() as patch:
            patch.setattr(heartbeat, "EVERY_S", 0.0)
            patch.setattr(pieces.WriteFile, "read", stop_then_read)
            worked(session, job)
        monkeypatch.setattr(pieces, "check", check)
        assert (job.state, job.processed) == (JobState.STOPPED, 20)
        export = export_of(session, job)
        assert (export.file, files(app, export)) == (None, sorted(export.parts))
        with write_transaction():
            resume(session, project.id, job.id, by=factories.actor())
        assert worked(session, job).state is JobState.FINISHED

    def test_without_its_pieces_it_begins_anew_and_says_so_in_the_end(
        self, session: Session, project: Project, ids, monkeypatch: pytest.MonkeyPatch
    ):
        job = self.begun(session, project, monkeypatch)
        for name in export_of(session, job).parts:
            place(name).unlink()
        worked(session, job)
        assert [row["Form id"] for row in table(session, job)] == ids
        assert export_of(session, job).begun == 2

        read = pieces.ReadRows.read

        def let_go_then_read(self: pieces.ReadRows, reading: Session) -> None:
            place(self._parts[0]).unlink()
            read(self, reading)

        monkeypatch.setattr(pieces.ReadRows, "read", let_go_then_read)
        again = exported(session, project)
        assert again.state is JobState.STOPPED
        assert "one folder" in str(again.problem)

    def test_a_minute_is_no_limit_for_writing_the_file(
        self, session: Session, project: Project, ids, monkeypatch: pytest.MonkeyPatch
    ):
        read = pieces.WriteFile.read

        def slowly(self: pieces.WriteFile, reading: Session) -> None:
            time.sleep(0.2)  # longer than a slice
            read(self, reading)

        monkeypatch.setattr(pieces.WriteFile, "read", slowly)
        monkeypatch.setattr(tasks, "SLICE_S", 0.1)
        job = asked(session, project, EVERY, Of.FORMS, Format.CSV)
        for _ in range(20):
            if not worked(session, job).over:
                continue
        assert [row["Form id"] for row in table(session, job)] == ids


def test_files_are_let_go_after_some_days(app: Flask, session: Session, project: Project):
    open_case(session, project.id, new_id())
    job = exported(session, project)
    export = export_of(session, job)
    assert export.expires_on is not None
    tidy_exports(export.expires_on - 1)
    assert len(files(app, export_of(session, job))) == 1
    tidy_exports(now() + exports.KEPT + 1)
    session.rollback()
    assert export_of(session, job).file is None
    assert files(app, export) == []


def test_the_log_says_who_took_what(session: Session, project: Project):
    open_case(session, project.id, new_id())
    job = exported(session, project)
    events = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.project_id == project.id, AuditEvent.subject == f"job:{job.id}")
        .order_by(AuditEvent.id)
    ).all()
    assert [event.tag for event in events] == ["job.queue", "job.start", "job.end"]
    assert events[0].after == {"kind": "export", "of": "forms", "format": "csv", "filter": EVERY}
    assert (events[0].actor, (events[2].after or {})["succeeded"]) == ("tester", 1)


def test_it_works_beside_the_job_that_changes_something(session: Session, project: Project):
    """A night does not wait for an export, and an export not for a night."""
    ids = [open_case(session, project.id, new_id()).submission_id for _ in range(3)]
    from tests.history.bulk import asked as asked_to
    from tests.history.bulk import select_forms

    reading = asked(session, project, EVERY, Of.FORMS, Format.CSV)
    other = asked(session, project, EVERY, Of.FORMS, Format.CSV)
    archiving = asked_to(session, project, select_forms(session, project, ids), State.ARCHIVED)
    assert claim(reading.id) is not None
    assert claim(other.id) is None, "one after the other"
    assert worked(session, archiving).state is JobState.FINISHED
    assert in_state(session, project, State.ARCHIVED) == ids
    assert session.scalar(select(Case.deleted).where(Case.project_id == project.id).limit(1))
