"""Whose phones carry a case, and why (SPEC P8)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy.orm import Session

from tests import factories
from tests.sharing.graphs import Graph, Node, Stored, drawn, give, on_phone, stored
from tests.sharing.test_scope import graphs
from tests.thorough import examples
from webapp.database import write_transaction
from webapp.errors import TooSlow
from webapp.people.sharing_models import Group, GroupMember
from webapp.projects.models import Project
from webapp.sharing.phones import FOLLOWED, carrying_owners, phones_with
from webapp.sharing.reasons import Because, carried


@given(graph=graphs)
@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_both_sides_agree_with_the_reference(session: Session, project: Project, graph: Graph):
    made = stored(session, project.id, graph)
    phones = {owner: on_phone(graph, {owner}) for owner in made.owners}
    for name, key in made.keys.items():
        owners, complete = carrying_owners(session, project.id, key)
        assert complete
        assert set(owners) == {made.owners[one] for one, on in phones.items() if name in on}
    for owner, on in phones.items():
        page = carried(session, project.id, [made.owners[owner]])
        assert page.total == len(on)
        assert {row.name for row in page.rows} == on
        for row in page.rows:
            assert_it_is_so(graph, owner, row.name, row.because, row.through)
            assert not row.through or row.through in on


def assert_it_is_so(graph: Graph, owner: str, name: str, because: Because, through: str) -> None:
    points = {
        Because.PARENT: (through, name, "child"),
        Because.HOST: (through, name, "extension"),
        Because.EXTENSION: (name, through, "extension"),
    }
    if because is Because.OWNER:
        assert graph[name].owner == owner
        assert not graph[name].closed
    else:
        case, target, relationship = points[because]
        assert (target, relationship) in graph[case].points


def test_a_phone_with_very_many_cases_takes_no_longer_than_a_page_may(
    session: Session, project: Project
):
    made = stored(session, project.id, drawn("ab"))
    with pytest.raises(TooSlow, match="so many cases"):
        carried(session, project.id, [made.owners["worker"]], limit_s=0)
    assert carried(session, project.id, [made.owners["worker"]]).total == 2


def test_a_page_has_a_part_by_type_and_name(session: Session, project: Project):
    made = stored(session, project.id, drawn("dbca"))
    owners = [made.owners["worker"]]
    page = carried(session, project.id, owners, first=1, limit=2)
    assert ([row.name for row in page.rows], page.total) == (["b", "c"], 4)


def household(project: Project, session: Session, **owners: str) -> Stored:
    """Person p in household h, with a visit v as its extension; each with an owner."""
    node = {
        "h": Node(owners.get("h", "nobody")),
        "p": Node(owners.get("p", "nobody"), points=(("h", "child"),)),
        "v": Node(owners.get("v", "nobody"), points=(("p", "extension"),)),
    }
    return stored(session, project.id, node)


def test_each_phone_says_why_it_has_the_case(session: Session, project: Project):
    amina, zawadi = (factories.mobile_worker(project) for _ in range(2))
    made = household(project, session, h="amina", v="zawadi")
    give(session, project, made.owners["amina"], amina.user_id)
    give(session, project, made.owners["zawadi"], zawadi.user_id)
    found = {
        phone.username: (phone.reason.because, phone.reason.through)
        for phone in phones_with(session, project.id, made.keys["h"]).rows
    }
    assert found == {
        amina.username: (Because.OWNER, None),
        zawadi.username: (Because.PARENT, made.keys["p"]),
    }
    (phone,) = phones_with(session, project.id, made.keys["v"]).rows
    assert (phone.username, phone.shared_by) == (zawadi.username, "")


def test_a_group_shares_its_cases_with_the_active_ones(session: Session, project: Project):
    amina, zawadi, gone = (factories.mobile_worker(project) for _ in range(3))
    made = household(project, session, p="group")
    with write_transaction():
        session.get_one(type(gone), gone.id).active = False
        group = Group(
            project_id=project.id,
            group_id=made.owners["group"][:32],
            name="Clinic",
            case_sharing=True,
            created_on=0,
        )
        session.add(group)
        session.flush()  # members need its key
        for worker in (amina, zawadi, gone):
            session.add(GroupMember(project_id=project.id, group=group.id, worker=worker.id))
    give(session, project, made.owners["group"], group.group_id)
    rows = phones_with(session, project.id, made.keys["v"]).rows
    assert {(row.username, row.shared_by, row.reason.because) for row in rows} == {
        (worker.username, "Clinic", Because.EXTENSION) for worker in (amina, zawadi)
    }


def test_whom_a_case_with_very_many_children_reaches_is_said_to_be_unknown(
    session: Session, project: Project
):
    many = {f"c{number}": Node(points=(("p", "child"),)) for number in range(FOLLOWED + 1)}
    made = stored(session, project.id, {"p": Node("group"), **many})
    owners, complete = carrying_owners(session, project.id, made.keys["p"])
    assert not complete
    assert made.owners["group"] in owners
