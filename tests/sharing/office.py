"""A programme with two workers who share cases, to whom everything happens in random order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import actor, mobile_worker
from tests.forms import case_block, form, send
from tests.rules.running import CLOSES, done, equals, rule_that, sets
from tests.rules.test_undo import undone
from tests.sharing.graphs import Graph, Node, on_phone
from tests.sharing.phone import Phone, PhoneCase
from tests.sharing.shared import group_of, phone_of
from webapp.cases.models import Case, CaseIndex
from webapp.database import write_transaction
from webapp.dictionary.models import CaseType, Sharing
from webapp.dictionary.operations import set_case_type
from webapp.errors import Refused
from webapp.people import groups
from webapp.people.belonging import set_groups, set_locations
from webapp.people.levels import create_level
from webapp.people.locations import create_location
from webapp.people.models import MobileWorker
from webapp.people.owner_sets import owner_set
from webapp.people.sharing_models import Group, Location
from webapp.projects.models import Project
from webapp.rules.models import Run
from webapp.sharing.tokens import key_of
from webapp.submissions.archive import archive, restore
from webapp.submissions.models import State, Submission

RELATIONS = ("child", "extension")
IDENTIFIERS = ("parent", "host", "also")


class Office:
    """Phones, and all that happens to their cases. Each method does one thing that may happen, or
    nothing where it cannot."""

    def __init__(
        self, session: Session, project: Project, client: FlaskClient, chance: Random
    ) -> None:
        self.session, self.project, self.chance = session, project, chance
        workers = [mobile_worker(project) for _ in range(2)]
        #: The second worker has two.
        self.phones = [phone_of(client, project, one) for one in (*workers, workers[1])]
        self.groups = [group_of(session, project, *workers).id, group_of(session, project).id]
        with write_transaction():
            level = create_level(session, project.id, "Clinic", owns_cases=True, by=actor())
            place = create_location(session, project.id, "Upper Clinic", level, by=actor())
        self.place = place.id
        self.owners = [
            *(one.user_id for one in workers),
            *(session.get_one(Group, key).group_id for key in self.groups),
            session.get_one(Location, place.id).location_id,
            "nobody",
        ]
        self.unsent: dict[int, list[bytes]] = {0: [], 1: [], 2: []}
        self.runs: list[Run] = []
        self.registered = 0

    #: How often each happens.
    MANY: tuple[tuple[str, int], ...] = (
        ("registers", 12),
        ("fills_in", 10),
        ("closes", 4),
        ("hands_over", 3),
        ("links", 4),
        ("syncs", 22),
        ("loses_an_answer", 3),
        ("office_changes", 6),
        ("office_closes", 3),
        ("office_links", 3),
        ("office_archives", 8),
        ("office_restores", 6),
        ("groups_change", 4),
        ("place_changes", 2),
        ("sharing_changes", 2),
        ("rule_runs", 2),
        ("run_is_undone", 2),
    )

    def something(self) -> None:
        """One of them."""
        names, weights = zip(*self.MANY, strict=True)
        what: Callable[[], None] = getattr(self, self.chance.choices(names, weights)[0])
        what()

    # On the phones, which may be offline for long.

    def registers(self) -> None:
        place, phone = self._phone()
        owner = self.chance.choice([*sorted(phone.owners), None, "nobody"])
        create = {"case_type": "patient", "case_name": "A patient"}
        index = self._index(phone) if phone.cases and self.chance.random() < 0.6 else None
        if owner is not None:
            create["owner_id"] = owner
        update = {"status": self.chance.choice(["new", "stale"])}
        self.registered += 1
        self._do(place, f"case-{self.registered}", create=create, update=update, index=index)

    def fills_in(self) -> None:
        name = self.chance.choice(["status", "weight", "note"])
        self._on_a_case(update={name: self.chance.choice(["stale", "1", "", "a & b"])})

    def closes(self) -> None:
        self._on_a_case(close=True)

    def hands_over(self) -> None:
        self._on_a_case(update={"owner_id": self.chance.choice(self.owners)})

    def links(self) -> None:
        place, phone = self._phone()
        if len(phone.cases) > 1:
            case_id = self.chance.choice(list(phone.cases))
            index = self._index(phone, case_id)
            if index:
                self._do(place, case_id, index=index)

    def syncs(self) -> None:
        place, phone = self._phone()
        self._send(place)
        phone.purge()
        may_start_afresh = self._was_reopened(phone) or self._has_failed(phone)
        before = phone.afresh
        phone.sync()
        if phone.afresh > before:
            assert may_start_afresh
        self.check(phone)

    def loses_an_answer(self) -> None:
        place, phone = self._phone()
        self._send(place)
        phone.purge()
        phone.ask()

    # Elsewhere.

    def office_changes(self) -> None:
        owner = {"owner_id": self.chance.choice(self.owners)} if self.chance.random() < 0.4 else {}
        self._elsewhere(update={"weight": str(self.chance.random()), **owner})

    def office_closes(self) -> None:
        self._elsewhere(close=True)

    def office_links(self) -> None:
        cases = self._cases()
        if len(cases) > 1:
            case_id, target = self.chance.sample(cases, 2)
            how = self.chance.choice(RELATIONS)
            self._elsewhere(
                case_id, index={self.chance.choice(IDENTIFIERS): ("patient", target, how)}
            )

    def office_archives(self) -> None:
        self._switch(State.NORMAL, archive)

    def office_restores(self) -> None:
        self._switch(State.ARCHIVED, restore)

    def groups_change(self) -> None:
        if self.chance.random() < 0.2:
            with write_transaction():
                group = self.session.get_one(Group, self.chance.choice(self.groups))
                groups.set_group(
                    self.session, group, case_sharing=not group.case_sharing, by=actor()
                )
            return
        with write_transaction():
            some = [one for one in self.groups if self.chance.random() < 0.6]
            set_groups(
                self.session,
                self._worker(),
                [self.session.get_one(Group, key) for key in some],
                by=actor(),
            )

    def place_changes(self) -> None:
        with write_transaction():
            some = (
                [self.session.get_one(Location, self.place)] if self.chance.random() < 0.5 else []
            )
            set_locations(self.session, self._worker(), some, by=actor())

    def sharing_changes(self) -> None:
        kind = self.chance.choice([Sharing.AS_FORM, *Sharing])
        with write_transaction():
            if self.session.get(CaseType, (self.project.id, "patient")) is not None:
                said = {"sharing": kind}
                set_case_type(self.session, self.project.id, "patient", said, by=actor())

    def rule_runs(self) -> None:
        actions = self.chance.choice([(CLOSES,), (sets("note", "by rule"), sets("status", "x"))])
        self.runs.append(done(self.project, rule_that(*actions, where=equals("status", "stale"))))

    def run_is_undone(self) -> None:
        if self.runs:
            with suppress(Refused):  # it wrote no form
                undone(self.session, self.runs.pop(self.chance.randrange(len(self.runs))))

    # What must be so.

    def check(self, phone: Phone) -> None:
        """A phone that has just been served holds exactly its scope, as the server has it."""
        phone.purge()
        session = self.session
        session.rollback()
        owners = owner_set(session, session.get_one(MobileWorker, phone.worker.id)).ids
        assert phone.owners == owners
        cases = session.scalars(select(Case).where(Case.project_id == self.project.id)).all()
        by_key = {case.id: case for case in cases}
        indices: dict[int, dict[str, tuple[str, str, str]]] = {case.id: {} for case in cases}
        for one in session.scalars(
            select(CaseIndex).where(CaseIndex.project_id == self.project.id)
        ):
            if not by_key[one.target].deleted:
                target = by_key[one.target].case_id
                indices[one.case][one.identifier] = (one.target_type, target, one.relationship)
        graph: Graph = {
            case.case_id: Node(
                case.owner_id,
                case.closed,
                case.deleted,
                tuple((target, how) for _, target, how in indices[case.id].values()),
            )
            for case in cases
        }
        expected = on_phone(graph, owners)
        assert set(phone.cases) == expected
        for case in cases:
            if case.case_id in expected:
                assert_same(phone.cases[case.case_id], case, indices[case.id])

    def finish(self) -> None:
        """All phones come in, twice."""
        for _ in range(2):
            for place, phone in enumerate(self.phones):
                self._send(place)
                phone.sync()
                self.check(phone)
        for phone in self.phones:
            phone.sync()
            assert (phone.created, phone.updated) == ([], [])

    # How it is done.

    def _phone(self) -> tuple[int, Phone]:
        place = self.chance.randrange(len(self.phones))
        phone = self.phones[place]
        if not phone.token:
            phone.sync()
        return place, phone

    def _worker(self) -> MobileWorker:
        return self.session.get_one(MobileWorker, self.chance.choice(self.phones).worker.id)

    def _index(self, phone: Phone, case_id: str = "") -> dict[str, tuple[str, str, str]]:
        """An index from a case to another on the phone, or one that is removed; never in a circle,
        which no app makes."""
        others = [one for one in phone.cases if not self._reaches(phone, one, case_id)]
        name = self.chance.choice(IDENTIFIERS)
        if case_id and self.chance.random() < 0.3:
            return {name: ("patient", "", "child")}
        if not others:
            return {}
        return {name: ("patient", self.chance.choice(others), self.chance.choice(RELATIONS))}

    def _reaches(self, phone: Phone, start: str, end: str) -> bool:
        seen, reached = {start}, [start]
        while reached:
            one = reached.pop()
            if one == end:
                return True
            targets = phone.cases[one].indices.values() if one in phone.cases else ()
            more = {target for _, target, _ in targets} - seen
            seen |= more
            reached += more
        return False

    def _on_a_case(self, **what: object) -> None:
        place, phone = self._phone()
        if phone.cases:
            self._do(place, self.chance.choice(list(phone.cases)), **what)

    def _do(self, place: int, case_id: str, **what: object) -> None:
        self.unsent[place].append(self.phones[place].fill_in(case_id, **what))
        if self.chance.random() < 0.6:
            self._send(place)

    def _send(self, place: int) -> None:
        for xml in self.unsent[place]:
            self.phones[place].send(xml)
        self.unsent[place] = []

    def _cases(self) -> list[str]:
        return list(
            self.session.scalars(
                select(Case.case_id).where(Case.project_id == self.project.id).order_by(Case.id)
            )
        )

    def _elsewhere(self, case_id: str = "", **what: object) -> None:
        cases = self._cases()
        if cases:
            block = case_block(case_id or self.chance.choice(cases), **what)
            send(self.session, self.project.id, form(block))

    def _switch(self, state: State, switch: Callable[..., int]) -> None:
        ids = self.session.scalars(
            select(Submission.submission_id).where(
                Submission.project_id == self.project.id, Submission.state == state
            )
        ).all()
        if ids:
            with suppress(Refused), write_transaction():  # other forms are in the way
                switch(self.session, self.project.id, self.chance.choice(ids), by=actor())

    def _has_failed(self, phone: Phone) -> bool:
        """Whether a form that the phone sent since then could not be applied (C4)."""
        found = select(Submission.id).where(
            Submission.project_id == self.project.id,
            Submission.sync_log == key_of(phone.token),
            Submission.state == State.ERROR,
        )
        return self.session.scalar(found.limit(1)) is not None

    def _was_reopened(self, phone: Phone) -> bool:
        """Whether the server has a case as open that the phone has as closed."""
        self.session.rollback()
        closed = [case_id for case_id, case in phone.cases.items() if case.closed]
        there = select(Case.id).where(
            Case.project_id == self.project.id,
            Case.case_id.in_(closed),
            ~Case.closed,
            ~Case.deleted,
        )
        return self.session.scalar(there.limit(1)) is not None


def assert_same(held: PhoneCase, case: Case, indices: dict[str, tuple[str, str, str]]) -> None:
    """A property that is gone is empty on a phone."""
    assert (held.type, held.name, held.owner) == (case.type, case.name, case.owner_id or "-")
    assert held.closed == case.closed
    assert held.indices == indices
    known = {name: value for name, value in held.properties.items() if value}
    known.pop("date_opened", None)
    known.pop("external_id", None)
    assert known == {name: value for name, value in case.properties.items() if value}
