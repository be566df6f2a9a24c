"""The dictionary learns from what is submitted, whatever way it comes (SPEC U10)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.forms import WORKER, case_block, form, open_case, send
from tests.history.statements import counted
from tests.rules.running import child, copies, done, equals, rule_that, sets, the_slow_way
from webapp.clock import now
from webapp.database import write_transaction
from webapp.dictionary import learn
from webapp.dictionary.learn import learn_properties
from webapp.dictionary.queries import list_case_types, properties_of
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.submissions.archive import archive, restore
from webapp.submissions.receive import Arrival, Outcome, read, receive
from webapp.submissions.receive_many import Timed, receive_many
from webapp.submissions.reprocess import reprocess


def names(session: Session, project: Project, case_type: str = "patient") -> set[str]:
    return {one.name for one in properties_of(session, project.id, case_type)}


VISIT = case_block("ada", update={"muac": "11", "name": "Ada", "owner_id": "w"})


def sent(session: Session, project: Project) -> None:
    assert send(session, project.id, form(VISIT)).outcome is Outcome.PROCESSED


def sent_with_more(session: Session, project: Project) -> None:
    arrival = Arrival(read(form(VISIT, case_block("bea"))), WORKER)
    with write_transaction():
        receive(session, project.id, arrival)


def sent_together(session: Session, project: Project) -> None:
    with write_transaction():
        receive_many(session, project.id, [Timed(now(), Arrival(read(form(VISIT)), WORKER))])


def sent_as_an_edit(session: Session, project: Project) -> None:
    first = send(session, project.id, form(case_block("ada"), instance_id=f"v-{project.id}"))
    edit = send(session, project.id, form(VISIT, instance_id=first.submission_id))
    assert edit.outcome is Outcome.EDITED


def sent_in_vain_and_processed_again(session: Session, project: Project) -> None:
    index = {"parent": ("patient", "eve")}
    block = case_block("ada", update={"muac": "11"}, index=index)
    failed = send(session, project.id, form(block))
    assert failed.outcome is Outcome.ERROR
    assert names(session, project) == {"edd"}
    open_case(session, project.id, "eve")
    with write_transaction():
        reprocess(session, project.id, failed.submission_id, by=factories.actor())


def set_by_a_rule(session: Session, project: Project) -> None:
    assert done(project, rule_that(sets("muac", "11"), sets("name", "Ada"))).changed == 1


def set_by_a_slow_rule(session: Session, project: Project) -> None:
    with the_slow_way():
        set_by_a_rule(session, project)


def copied_by_a_rule(session: Session, project: Project) -> None:
    assert done(project, rule_that(copies("muac", "edd"))).changed == 1


def set_by_the_rule_of_a_child(session: Session, project: Project) -> None:
    child(session, project, "visit", "ada")
    found = done(project, rule_that(sets("parent/muac", "11"), case_type="visit"))
    assert found.related_updates == 1
    assert names(session, project, "visit") == set()


@pytest.mark.parametrize(
    "way",
    [
        sent,
        sent_with_more,
        sent_together,
        sent_as_an_edit,
        sent_in_vain_and_processed_again,
        set_by_a_rule,
        set_by_a_slow_rule,
        copied_by_a_rule,
        set_by_the_rule_of_a_child,
    ],
    ids=lambda way: way.__name__,
)
def test_a_property_is_learned_however_it_comes(
    session: Session, project: Project, way: Callable[[Session, Project], None]
):
    open_case(session, project.id, "ada", edd="2026-05-01")
    way(session, project)
    assert names(session, project) == {"edd", "muac"}


def test_a_rule_that_changes_nothing_teaches_nothing(session: Session, project: Project):
    open_case(session, project.id, "ada", edd="2026-05-01")
    assert done(project, rule_that(sets("muac", "11"), where=equals("edd", "soon"))).changed == 0
    assert names(session, project) == {"edd"}


def test_a_case_that_gets_another_type_takes_its_properties_along(
    session: Session, project: Project
):
    open_case(session, project.id, "ada", case_type="person", edd="2026-05-01")
    send(session, project.id, form(case_block("ada", update={"case_type": "patient"})))
    assert names(session, project) == names(session, project, "person") == {"edd"}


def test_a_case_without_a_type_teaches_nothing(session: Session, project: Project):
    send(session, project.id, form(case_block("ada", update={"muac": "11"})))
    assert list_case_types(session, project.id) == []
    assert names(session, project, "") == set()


def test_what_is_archived_was_learned_all_the_same(session: Session, project: Project):
    first = open_case(session, project.id, "ada", edd="2026-05-01")
    with write_transaction():
        archive(session, project.id, first.submission_id, by=factories.actor())
        restore(session, project.id, first.submission_id, by=factories.actor())
    assert names(session, project) == {"edd"}


def test_a_form_that_brings_nothing_new_asks_nothing(
    app: Flask, session: Session, project: Project
):
    def asked() -> list[str]:
        with counted(app) as found:
            send(session, project.id, form(VISIT))
        # The sharing of types is read along with whether the id of the form is known.
        found = [one for one in found if "UNION ALL" not in one]
        return [one for one in found if re.search("(INTO|FROM) case_(type|property)", one)]

    open_case(session, project.id, "ada", edd="2026-05-01")
    (once,) = asked()
    assert once.startswith("INSERT INTO case_property")
    assert asked() == []


def test_another_process_asks_once_what_is_known(
    app: Flask, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    open_case(session, project.id, "ada", edd="2026-05-01")
    for known in ("_known", "_names"):
        monkeypatch.setattr(learn, known, type(getattr(learn, known))())
    with counted(app) as found:
        open_case(session, project.id, "bea", edd="2026-05-02")
    asked = [one for one in found if "case_property" in one]
    assert [one.split()[0] for one in asked] == ["SELECT"]


def test_what_is_rolled_back_is_learned_the_next_time(session: Session, project: Project):
    def learned_in_vain() -> None:
        learn_properties(session, project.id, {"patient": {"edd"}})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), write_transaction():
        learned_in_vain()
    with write_transaction(), suppress(ZeroDivisionError), session.begin_nested():
        learned_in_vain()
    assert list_case_types(session, project.id) == []
    open_case(session, project.id, "ada", edd="2026-05-01")
    assert names(session, project) == {"edd"}


def test_very_many_names_fail_no_form_and_fill_no_disk(
    app: Flask, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(learn, "MOST", 3)
    open_case(session, project.id, "ada", a="1", b="2")
    assert names(session, project) == {"a", "b"}
    for visit in ("c", "d", "e"):
        sent = open_case(session, project.id, "ada", **{visit: "1", f"{visit}2": "1"})
        assert sent.outcome is Outcome.PROCESSED
    assert names(session, project) == {"a", "b", "c"}
    with counted(app) as found:
        open_case(session, project.id, "ada", z="1")
    assert not [one for one in found if "case_property" in one]


def test_two_forms_that_bring_the_same_at_once_are_both_taken(
    app: Flask, session: Session, project: Project
):
    project_id = project.id

    def sent_in_their_own_time(name: str) -> Outcome:
        with app.app_context():
            return open_case(db.session(), project_id, name, b="1", a="1").outcome

    with ThreadPoolExecutor(4) as pool:
        taken = [pool.submit(sent_in_their_own_time, f"case-{number}") for number in range(4)]
        with write_transaction() as first:
            learn_properties(first, project_id, {"patient": ["a", "b"]})
            time.sleep(0.2)  # the others come to wait for it
        assert {one.result() for one in taken} == {Outcome.PROCESSED}
    assert names(session, project) == {"a", "b"}


def test_what_a_savepoint_learned_is_not_known_before_the_whole_is(
    session: Session, project: Project
):
    """A chunk of a run may be done again after its savepoint ended well."""

    class GoneWrong(Exception):
        pass

    with suppress(GoneWrong), write_transaction():
        with session.begin_nested():
            learn_properties(session, project.id, {"patient": {"muac"}})
        raise GoneWrong
    with write_transaction():
        learn_properties(session, project.id, {"patient": {"muac"}})
    assert names(session, project) == {"muac"}
