"""What becomes of a form that comes: the tables of SPEC S2, S3, S5, S6, S9, S10."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import actor, mobile_worker, web_user
from tests.forms import XMLNS, case_block, form, new_id, open_case, send
from webapp.cases.models import Case, CaseIndex, CaseTransaction
from webapp.clock import last_tick
from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.people.kinds import UserKind
from webapp.projects.models import Project
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import State, Submission
from webapp.submissions.queries import get_submission
from webapp.submissions.receive import Outcome, Sender
from webapp.submissions.reprocess import reprocess
from webapp.submissions.verify import verify

OTHER = "http://openrosa.org/formdesigner/other"


def the_case(session: Session, project: Project, case_id: str) -> Case:
    return session.scalars(
        select(Case)
        .where(Case.project_id == project.id, Case.case_id == case_id)
        .execution_options(populate_existing=True)
    ).one()


def states(session: Session, project: Project) -> list[tuple[str, str]]:
    return [
        (row.state, row.submission_id)
        for row in session.scalars(
            select(Submission).where(Submission.project_id == project.id).order_by(Submission.id)
        )
    ]


def visit(case_id: str, identity: str, *, xmlns: str | None = None, **update: str) -> bytes:
    block = case_block(case_id, create={"case_type": "patient", "case_name": "Ana"}, update=update)
    return form(block, instance_id=identity, **({"xmlns": xmlns} if xmlns else {}))


def waits(case_id: str, identity: str, *, xmlns: str = XMLNS, **update: str) -> bytes:
    """A form that cannot be applied before there is a case “mother”."""
    index = {"parent": ("patient", "mother")}
    block = case_block(case_id, update=update, index=index)
    return form(block, instance_id=identity, xmlns=xmlns)


class TestACase:
    def test_has_what_the_form_says(self, session: Session, project: Project):
        send(session, project.id, visit("a", new_id(), village="Kijani"))
        case = the_case(session, project, "a")
        assert (case.type, case.name, case.owner_id) == ("patient", "Ana", "worker-1")
        assert case.properties == {"village": "Kijani"}
        assert not case.deleted and not case.closed

    def test_opened_without_times_takes_the_arrival(self, session: Session, project: Project):
        send(session, project.id, form(case_block("a", update={"x": "1"}, date_modified=None)))
        case = the_case(session, project, "a")
        received_on = get_submission(
            session, project.id, states(session, project)[0][1]
        ).received_on
        assert case.opened_on == case.modified_on == case.server_modified_on == received_on

    def test_every_case_of_a_form_gets_a_tick_of_its_own(self, session: Session, project: Project):
        send(session, project.id, form(*(case_block(name, create={}) for name in "abc")))
        ticks = [the_case(session, project, name).indexed_on for name in "abc"]
        assert len(set(ticks)) == 3
        assert max(tick or 0 for tick in ticks) == last_tick(session, project.id)

    def test_a_form_without_change_moves_only_the_server_date(
        self, session: Session, project: Project
    ):
        open_case(session, project.id, "a")
        before = the_case(session, project, "a").server_modified_on
        send(session, project.id, form(case_block("a")))
        after = the_case(session, project, "a").server_modified_on
        assert before is not None and after is not None and after > before

    def test_an_index_may_point_to_a_case_of_the_same_form(
        self, session: Session, project: Project
    ):
        child = case_block("child", create={}, index={"parent": ("patient", "mother")})
        send(session, project.id, form(child, case_block("mother", create={})))
        index = session.scalars(select(CaseIndex).where(CaseIndex.project_id == project.id)).one()
        assert index.target == the_case(session, project, "mother").id

    def test_late_forms_update_a_closed_case_and_archiving_the_close_keeps_them(
        self, session: Session, project: Project, tmp_path: Path
    ):
        def closed_and_late() -> tuple[bool, str | None]:
            assert list(verify(session, project.id, attachments=tmp_path)) == []
            case = the_case(session, project, "a")
            return case.closed, case.properties.get("late")

        open_case(session, project.id, "a")
        assert closed_and_late() == (False, None)
        closing = send(session, project.id, form(case_block("a", close=True)))
        assert closed_and_late() == (True, None)
        send(session, project.id, form(case_block("a", update={"late": "yes"})))
        assert closed_and_late() == (True, "yes")
        with write_transaction():
            archive(session, project.id, closing.submission_id, by=actor())
        assert closed_and_late() == (False, "yes")
        with write_transaction():
            restore(session, project.id, closing.submission_id, by=actor())
        assert closed_and_late() == (True, "yes")


class TestTheSameIdAgain:
    def test_identical_is_a_duplicate_that_changes_nothing(
        self, session: Session, project: Project
    ):
        xml = visit("a", "id-1", village="one")
        send(session, project.id, xml)
        before = the_case(session, project, "a").indexed_on
        again = send(session, project.id, xml)
        assert (again.outcome, again.submission_id) == (Outcome.DUPLICATE, "id-1")
        assert the_case(session, project, "a").indexed_on == before
        assert [state for state, _ in states(session, project)] == ["normal", "duplicate"]

    def test_other_content_is_an_edit_that_takes_id_and_place(
        self, session: Session, project: Project
    ):
        send(session, project.id, visit("a", "id-1", village="one"))
        first = get_submission(session, project.id, "id-1").received_on
        send(session, project.id, form(case_block("a", update={"later": "1"})))
        edit = send(session, project.id, visit("a", "id-1", village="two"))
        assert edit.outcome is Outcome.EDITED
        row = get_submission(session, project.id, "id-1")
        assert row.received_on == first
        assert row.edited_on is not None and row.edited_on > first
        case = the_case(session, project, "a")
        assert case.properties == {"village": "two", "later": "1"}
        assert case.server_modified_on == row.edited_on

    def test_edited_twice_is_sound(self, session: Session, project: Project, tmp_path: Path):
        for village in ("one", "two", "three"):
            send(session, project.id, visit("a", "id-1", village=village))
        assert list(verify(session, project.id, attachments=tmp_path)) == []

    def test_an_edit_gives_up_the_cases_that_only_the_older_version_touched(
        self, session: Session, project: Project
    ):
        send(session, project.id, visit("a", "id-1"))
        send(session, project.id, visit("b", "id-1"))
        assert the_case(session, project, "a").deleted
        assert not the_case(session, project, "b").deleted

    def test_the_older_version_sent_again_after_an_edit_is_a_duplicate(
        self, session: Session, project: Project
    ):
        older = visit("a", "id-1", village="one")
        send(session, project.id, older)
        send(session, project.id, visit("a", "id-1", village="two"))
        assert send(session, project.id, older).outcome is Outcome.DUPLICATE
        assert the_case(session, project, "a").properties == {"village": "two"}

    def test_another_xmlns_gets_another_id_and_keeps_the_one_asked_for(
        self, session: Session, project: Project
    ):
        send(session, project.id, visit("a", "id-1"))
        other = send(session, project.id, visit("b", "id-1", xmlns=OTHER))
        assert other.outcome is Outcome.PROCESSED and other.submission_id != "id-1"
        row = get_submission(session, project.id, other.submission_id)
        assert row.asked_id == "id-1"

    def test_identical_to_one_that_got_another_id_is_its_duplicate(
        self, session: Session, project: Project
    ):
        send(session, project.id, visit("a", "id-1"))
        other = send(session, project.id, visit("b", "id-1", xmlns=OTHER))
        again = send(session, project.id, visit("b", "id-1", xmlns=OTHER))
        assert (again.outcome, again.submission_id) == (Outcome.DUPLICATE, other.submission_id)

    def test_an_edit_of_one_that_got_another_id_edits_that_one(
        self, session: Session, project: Project
    ):
        send(session, project.id, visit("a", "id-1"))
        other = send(session, project.id, visit("b", "id-1", xmlns=OTHER, v="1"))
        edit = send(session, project.id, visit("b", "id-1", xmlns=OTHER, v="2"))
        assert (edit.outcome, edit.submission_id) == (Outcome.EDITED, other.submission_id)

    def test_an_edit_that_cannot_be_applied_leaves_the_version_in_force(
        self, session: Session, project: Project
    ):
        send(session, project.id, visit("a", "id-1", village="one"))
        bad = form(case_block("a", index={"parent": ("x", "nobody")}), instance_id="id-1")
        failed = send(session, project.id, bad)
        assert failed.outcome is Outcome.ERROR and failed.submission_id != "id-1"
        assert get_submission(session, project.id, "id-1").state == State.NORMAL
        assert the_case(session, project, "a").properties == {"village": "one"}

    def test_an_id_whose_earlier_version_failed_is_simply_processed(
        self, session: Session, project: Project
    ):
        bad = form(case_block("a", index={"parent": ("x", "nobody")}), instance_id="id-1")
        assert send(session, project.id, bad).submission_id == "id-1"
        good = send(session, project.id, visit("a", "id-1"))
        assert (good.outcome, good.submission_id) == (Outcome.PROCESSED, "id-1")
        assert [state for state, _ in states(session, project)] == ["deprecated", "normal"]

    def test_a_failure_sent_again_piles_up_no_errors(self, session: Session, project: Project):
        bad = form(case_block("a", index={"parent": ("x", "nobody")}), instance_id="id-1")
        first, again = send(session, project.id, bad), send(session, project.id, bad)
        assert again.outcome is Outcome.ERROR and again.submission_id == first.submission_id
        assert [state for state, _ in states(session, project)] == ["error", "duplicate"]

    def test_one_that_never_was_applied_is_no_duplicate(self, session: Session, project: Project):
        first, second = (
            form(
                case_block("a", update={"v": v}, index={"parent": ("patient", "mother")}),
                instance_id="id-1",
            )
            for v in "12"
        )
        for xml in (first, second, first):
            assert send(session, project.id, xml).outcome is Outcome.ERROR
        open_case(session, project.id, "mother")
        assert send(session, project.id, first).outcome is Outcome.PROCESSED
        assert the_case(session, project, "a").properties == {"v": "1"}

    def test_one_of_another_xmlns_leaves_a_failed_one_as_it_is(
        self, session: Session, project: Project, tmp_path: Path
    ):
        failed = send(session, project.id, waits("a", "id-1", v="1"))
        other = send(session, project.id, visit("b", "id-1", xmlns=OTHER))
        assert other.outcome is Outcome.PROCESSED and other.submission_id != "id-1"
        assert get_submission(session, project.id, other.submission_id).asked_id == "id-1"
        assert states(session, project)[0] == ("error", "id-1")
        open_case(session, project.id, "mother")
        with write_transaction():
            assert reprocess(session, project.id, failed.submission_id, by=actor()) is None
        assert the_case(session, project, "a").properties == {"v": "1"}
        assert list(verify(session, project.id, attachments=tmp_path)) == []

    def test_two_of_another_xmlns_that_fail_are_both_to_be_processed_again(
        self, session: Session, project: Project
    ):
        for xmlns in (XMLNS, OTHER):
            send(session, project.id, waits("a", "id-1", xmlns=xmlns))
        assert [state for state, _ in states(session, project)] == ["error", "error"]

    def test_a_failed_version_sent_again_replaces_no_newer_one(
        self, session: Session, project: Project, tmp_path: Path
    ):
        first = waits("a", "id-1", v="1")
        assert send(session, project.id, first).outcome is Outcome.ERROR
        assert send(session, project.id, visit("a", "id-1", v="2")).outcome is Outcome.PROCESSED
        open_case(session, project.id, "mother")
        assert send(session, project.id, first).outcome is Outcome.DUPLICATE
        assert the_case(session, project, "a").properties == {"v": "2"}
        assert list(verify(session, project.id, attachments=tmp_path)) == []

    def test_a_failed_edit_sent_again_replaces_no_newer_one(
        self, session: Session, project: Project, tmp_path: Path
    ):
        send(session, project.id, visit("a", "id-1", v="1"))
        failed = waits("a", "id-1", v="2")
        assert send(session, project.id, failed).outcome is Outcome.ERROR
        assert send(session, project.id, visit("a", "id-1", v="3")).outcome is Outcome.EDITED
        for mother in (False, True):
            if mother:
                open_case(session, project.id, "mother")
            assert send(session, project.id, failed).outcome is Outcome.DUPLICATE
        assert the_case(session, project, "a").properties == {"v": "3"}
        assert list(verify(session, project.id, attachments=tmp_path)) == []

    def test_a_failed_edit_sent_again_replaces_an_older_one(
        self, session: Session, project: Project
    ):
        send(session, project.id, visit("a", "id-1", v="1"))
        failed = waits("a", "id-1", v="2")
        send(session, project.id, failed)
        open_case(session, project.id, "mother")
        assert send(session, project.id, failed).outcome is Outcome.EDITED
        assert the_case(session, project, "a").properties == {"v": "2"}

    @pytest.mark.parametrize("opened", [False, True])
    def test_failed_versions_sent_again_in_their_order_are_applied_in_it(
        self, session: Session, project: Project, tmp_path: Path, opened: bool
    ):
        if opened:
            send(session, project.id, visit("a", "id-1", v="0"))
        versions = [waits("a", "id-1", v=v) for v in "123"]
        for xml in versions:
            assert send(session, project.id, xml).outcome is Outcome.ERROR
        open_case(session, project.id, "mother")
        for xml, v in zip(versions, "123", strict=True):
            assert send(session, project.id, xml).outcome in {Outcome.PROCESSED, Outcome.EDITED}
            assert the_case(session, project, "a").properties == {"v": v}
        for xml in versions:
            assert send(session, project.id, xml).outcome is Outcome.DUPLICATE
        assert the_case(session, project, "a").properties == {"v": "3"}
        assert list(verify(session, project.id, attachments=tmp_path)) == []

    def test_what_the_server_wrote_cannot_be_edited_from_outside(
        self, session: Session, project: Project
    ):
        send(session, project.id, visit("a", "id-1", village="one"), own=True)
        other = send(session, project.id, visit("a", "id-1", village="two"))
        assert other.submission_id != "id-1"
        assert get_submission(session, project.id, "id-1").state == State.NORMAL

    def test_a_device_report_sent_again_is_a_duplicate(self, session: Session, project: Project):
        report = (
            b'<device_report xmlns="http://code.javarosa.org/devicereport"><log_subreport/>'
            b'<meta xmlns="http://openrosa.org/jr/xforms"><instanceID>r-1</instanceID></meta>'
            b"</device_report>"
        )
        first, again = send(session, project.id, report), send(session, project.id, report)
        assert (first.outcome, first.submission_id) == (Outcome.PROCESSED, "r-1")
        assert (again.outcome, again.submission_id) == (Outcome.DUPLICATE, "r-1")

    def test_a_form_without_an_id_gets_a_new_one_each_time(
        self, session: Session, project: Project
    ):
        xml = form(case_block("a", update={"x": "1"}), meta=False)
        first, second = send(session, project.id, xml), send(session, project.id, xml)
        assert first.submission_id != second.submission_id
        assert second.outcome is Outcome.PROCESSED


class TestAFormThatCannotBeApplied:
    def test_is_kept_as_error_and_changes_no_case(self, session: Session, project: Project):
        bad = form(
            case_block("good", create={}), case_block("a", index={"parent": ("x", "nobody")})
        )
        received = send(session, project.id, bad)
        assert received.outcome is Outcome.ERROR
        assert received.problem == (
            "Case a: the index “parent” points to the case nobody, which this project has never"
            " had."
        )
        assert session.scalars(select(Case).where(Case.project_id == project.id)).all() == []

    def test_an_index_to_a_deleted_case_is_fine(self, session: Session, project: Project):
        opened = open_case(session, project.id, "mother")
        with write_transaction():
            archive(session, project.id, opened.submission_id, by=actor())
        child = form(case_block("a", index={"parent": ("patient", "mother")}))
        assert send(session, project.id, child).outcome is Outcome.PROCESSED

    def test_what_is_no_xml_is_kept_as_unparsed(self, session: Session, project: Project):
        received = send(session, project.id, b"no form at all")
        assert received.outcome is Outcome.UNPARSED
        row = get_submission(session, project.id, received.submission_id)
        assert row.state == State.UNPARSED and row.problem


class TestProcessingAgain:
    def test_applies_the_form_at_its_place_in_history(self, session: Session, project: Project):
        waiting = form(
            case_block("a", update={"x": "early"}, index={"parent": ("patient", "mother")})
        )
        failed = send(session, project.id, waiting)
        send(session, project.id, form(case_block("a", update={"x": "late"})))
        open_case(session, project.id, "mother")
        placed = get_submission(session, project.id, failed.submission_id).received_on
        with write_transaction():
            assert reprocess(session, project.id, failed.submission_id, by=actor()) is None
        row = get_submission(session, project.id, failed.submission_id)
        assert (row.state, row.received_on, row.problem) == (State.NORMAL, placed, None)
        assert the_case(session, project, "a").properties == {"x": "late"}

    def test_that_fails_again_says_why(self, session: Session, project: Project):
        failed = send(session, project.id, form(case_block("a", index={"parent": ("x", "nobody")})))
        with write_transaction():
            sentence = reprocess(session, project.id, failed.submission_id, by=actor())
        assert sentence is not None and "nobody" in sentence

    def test_a_failed_edit_takes_the_place_it_meant_to(self, session: Session, project: Project):
        send(session, project.id, visit("a", "id-1", village="one"))
        place = get_submission(session, project.id, "id-1").received_on
        edit = form(
            case_block("a", update={"village": "two"}, index={"parent": ("patient", "mother")}),
            instance_id="id-1",
        )
        failed = send(session, project.id, edit)
        open_case(session, project.id, "mother")
        with write_transaction():
            assert reprocess(session, project.id, failed.submission_id, by=actor()) is None
        assert get_submission(session, project.id, "id-1").received_on == place
        assert the_case(session, project, "a").properties == {"village": "two"}

    def test_a_failed_edit_finds_the_form_that_got_another_id(
        self, session: Session, project: Project
    ):
        send(session, project.id, visit("x", "id-1"))
        other = send(session, project.id, visit("a", "id-1", xmlns=OTHER, village="one"))
        edit = form(
            case_block("a", update={"status": "new"}, index={"parent": ("patient", "mother")}),
            instance_id="id-1",
            xmlns=OTHER,
        )
        failed = send(session, project.id, edit)
        open_case(session, project.id, "mother")
        with write_transaction():
            assert reprocess(session, project.id, failed.submission_id, by=actor()) is None
        assert the_case(session, project, "a").properties == {"status": "new"}
        assert get_submission(session, project.id, other.submission_id).state == State.NORMAL

    def test_of_a_failed_edit_is_refused_where_a_newer_version_is_in_force(
        self, session: Session, project: Project
    ):
        send(session, project.id, visit("a", "id-1", v="1"))
        failed = send(session, project.id, waits("a", "id-1", v="2"))
        send(session, project.id, visit("a", "id-1", v="3"))
        open_case(session, project.id, "mother")
        with pytest.raises(Refused, match="A newer version"), write_transaction():
            reprocess(session, project.id, failed.submission_id, by=actor())
        assert the_case(session, project, "a").properties == {"v": "3"}
        assert get_submission(session, project.id, failed.submission_id).state == State.ERROR

    def test_of_a_failed_edit_replaces_an_older_one_that_was_sent_again(
        self, session: Session, project: Project, tmp_path: Path
    ):
        send(session, project.id, visit("a", "id-1", v="0"))
        one, two = waits("a", "id-1", v="1"), waits("a", "id-1", v="2")
        failed = [send(session, project.id, xml).submission_id for xml in (one, two)]
        open_case(session, project.id, "mother")
        assert send(session, project.id, one).outcome is Outcome.EDITED
        with pytest.raises(Refused, match="is in force"), write_transaction():
            reprocess(session, project.id, failed[0], by=actor())
        with write_transaction():
            assert reprocess(session, project.id, failed[1], by=actor()) is None
        assert the_case(session, project, "a").properties == {"v": "2"}
        assert list(verify(session, project.id, attachments=tmp_path)) == []

    def test_is_refused_for_a_form_that_did_not_fail(self, session: Session, project: Project):
        fine = open_case(session, project.id, "a")
        with pytest.raises(Refused), write_transaction():
            reprocess(session, project.id, fine.submission_id, by=actor())


class TestArchive:
    def test_of_the_only_form_deletes_the_case_and_restore_brings_it_back(
        self, session: Session, project: Project
    ):
        opened = open_case(session, project.id, "a", village="one")
        with write_transaction():
            assert archive(session, project.id, opened.submission_id, by=actor()) == 1
        assert the_case(session, project, "a").deleted
        with write_transaction():
            assert restore(session, project.id, opened.submission_id, by=actor()) == 1
        assert the_case(session, project, "a").properties == {"village": "one"}

    def test_of_an_archived_form_says_that_it_already_is(self, session: Session, project: Project):
        opened = open_case(session, project.id, "a")
        with write_transaction():
            archive(session, project.id, opened.submission_id, by=actor())
        with pytest.raises(Refused, match="already archived"), write_transaction():
            archive(session, project.id, opened.submission_id, by=actor())

    def test_of_the_opening_form_is_refused_while_later_forms_are_live(
        self, session: Session, project: Project
    ):
        opened = open_case(session, project.id, "a")
        later = [
            send(session, project.id, form(case_block("a", update={"n": str(n)}))).submission_id
            for n in range(2)
        ]
        with pytest.raises(Refused) as refused, write_transaction():
            archive(session, project.id, opened.submission_id, by=actor())
        assert refused.value.in_the_way == tuple(reversed(later))

    def test_restore_is_refused_while_the_opening_form_is_archived(
        self, session: Session, project: Project
    ):
        opened = open_case(session, project.id, "a")
        later = send(session, project.id, form(case_block("a", update={"n": "1"})))
        for identity in (later.submission_id, opened.submission_id):
            with write_transaction():
                archive(session, project.id, identity, by=actor())
        with pytest.raises(Refused) as refused, write_transaction():
            restore(session, project.id, later.submission_id, by=actor())
        assert refused.value.in_the_way == (opened.submission_id,)

    def test_restore_waits_for_no_opening_form_where_an_earlier_one_opens_the_case_now(
        self, session: Session, project: Project
    ):
        early = send(session, project.id, waits("a", new_id(), early="1"))
        opened = open_case(session, project.id, "a")
        later = send(session, project.id, form(case_block("a", update={"later": "1"})))
        for one in (later, opened):
            with write_transaction():
                archive(session, project.id, one.submission_id, by=actor())
        open_case(session, project.id, "mother")
        with write_transaction():
            assert reprocess(session, project.id, early.submission_id, by=actor()) is None
        with write_transaction():
            assert restore(session, project.id, later.submission_id, by=actor()) == 1
        assert the_case(session, project, "a").properties == {"early": "1", "later": "1"}

    def test_of_a_failed_form_is_refused_in_words(self, session: Session, project: Project):
        failed = send(session, project.id, form(case_block("a", index={"parent": ("x", "nobody")})))
        with pytest.raises(Refused, match="could not be processed"), write_transaction():
            archive(session, project.id, failed.submission_id, by=actor())


class TestTheUserOfAForm:
    def test_is_the_blocks_then_the_metas_then_the_account(
        self, session: Session, project: Project
    ):
        sent = [
            send(session, project.id, form(case_block("a", user_id="block"), user_id="meta")),
            send(session, project.id, form(case_block("a", user_id=None), user_id="meta")),
            send(session, project.id, form(case_block("a", user_id=None), user_id=None)),
        ]
        users = [get_submission(session, project.id, one.submission_id).user_id for one in sent]
        assert users == ["block", "meta", "worker-1"]

    def test_who_owns_a_new_case_is_the_user_of_its_block(self, session: Session, project: Project):
        xml = form(
            case_block("a", create={}, user_id="first"),
            case_block("b", create={}, user_id="second"),
            case_block("c", create={}, user_id=None),
            user_id="meta",
        )
        send(session, project.id, xml)
        owners = {
            case.case_id: case.owner_id
            for case in session.scalars(select(Case).where(Case.project_id == project.id))
        }
        assert owners == {"a": "first", "b": "second", "c": "first"}

    def test_is_known_by_the_account_behind_its_id(self, session: Session, project: Project):
        worker = mobile_worker(project, username="amina")
        person = web_user(project, role="editor")
        kinds = {}
        for user_id in (worker.user_id, person.user_id, "admin", "system", "stranger"):
            xml = form(
                case_block("a", user_id=user_id), user_id=user_id, username="as the phone says"
            )
            sent = send(session, project.id, xml, sender=Sender("another", "another"))
            row = get_submission(session, project.id, sent.submission_id)
            kinds[user_id] = (row.user_kind, row.username, row.sent_by)
        assert kinds == {
            worker.user_id: (UserKind.MOBILE, "amina", "another"),
            person.user_id: (UserKind.WEB, person.email, "another"),
            "admin": (UserKind.ADMIN, "as the phone says", "another"),
            "system": (UserKind.UNKNOWN, "as the phone says", "another"),
            "stranger": (UserKind.UNKNOWN, "as the phone says", "another"),
        }


def test_ids_with_slashes_are_fine(session: Session, project: Project):
    send(session, project.id, visit("clinic/7/a", "form/1"))
    assert the_case(session, project, "clinic/7/a").name == "Ana"
    assert get_submission(session, project.id, "form/1").state == State.NORMAL


def test_nothing_is_visible_across_projects(session: Session, project: Project):
    from tests.factories import project as make_project

    other = make_project()
    for where in (project, other):
        send(session, where.id, visit("a", "id-1", where=where.name))
    for where in (project, other):
        assert the_case(session, where, "a").properties == {"where": where.name}
        count = session.scalars(
            select(CaseTransaction.id).where(CaseTransaction.project_id == where.id)
        ).all()
        assert len(count) == 1
