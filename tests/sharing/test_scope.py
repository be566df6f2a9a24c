"""Which cases a phone has (SPEC P2): by name, and against a slow reference on random graphs."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests import factories
from tests.sharing.graphs import Graph, Node, drawn, on_phone, stored
from tests.thorough import examples
from webapp.projects.models import Project
from webapp.sharing.scope import available, scope

#: What it is called, the cases, and those that are on the phone.
GRAPHS: dict[str, tuple[Graph, str]] = {
    "an own case": (drawn("a"), "a"),
    "a closed own case": (drawn("a", closed="a"), ""),
    "a deleted own case": (drawn("a", deleted="a"), ""),
    "a case of somebody else": (drawn(others="a"), ""),
    "own cases among others": (drawn("ac", others="bd"), "ac"),
    "the parent of an own case": (drawn("b", child="ba"), "ab"),
    "the closed parent of an own case": (drawn("b", closed="a", child="ba"), "ab"),
    "the deleted parent of an own case": (drawn("b", deleted="a", child="ba"), "b"),
    "a parent is no reason for its children": (drawn("a", child="ba"), "a"),
    "the parent of a closed own case": (drawn("b", closed="b", child="ba"), ""),
    "an own parent of a closed own child": (drawn("ab", closed="b", child="ba"), "a"),
    "a closed own parent of a closed own child": (drawn("ab", closed="ab", child="ba"), ""),
    "a chain of parents": (drawn("d", child="dc cb ba"), "abcd"),
    "a chain of parents, closed in the middle": (drawn("d", closed="c", child="dc cb ba"), "abcd"),
    "a chain of parents, all closed": (drawn("d", closed="abc", child="dc cb ba"), "abcd"),
    "a chain of parents, deleted in the middle": (
        drawn("d", deleted="c", child="dc cb ba"),
        "d",
    ),
    "a chain of parents, owned in the middle": (drawn("c", child="dc cb ba"), "abc"),
    "two parents": (drawn("c", child="ca cb"), "abc"),
    "two children of one parent": (drawn("bc", child="ba ca"), "abc"),
    "the child of somebody else does not come along": (drawn("b", child="ba ca"), "ab"),
    "cousins": (drawn("de", child="db ec ba ca"), "abcde"),
    "an extension of an own case": (drawn("a", extension="ba"), "ab"),
    "a closed extension of an own case": (drawn("a", closed="b", extension="ba"), "a"),
    "a deleted extension of an own case": (drawn("a", deleted="b", extension="ba"), "a"),
    "several extensions of an own case": (
        drawn("a", closed="c", extension="ba ca da"),
        "abd",
    ),
    "an extension of a closed own case": (drawn("a", closed="a", extension="ba"), ""),
    "the host of an own extension": (drawn("b", extension="ba"), "ab"),
    "an own extension of a closed host": (drawn("b", closed="a", extension="ba"), ""),
    "an own extension of a deleted host": (drawn("b", deleted="a", extension="ba"), "b"),
    "a closed own extension": (drawn("b", closed="b", extension="ba"), ""),
    "the other extensions of the host of an own one": (
        drawn("b", closed="d", extension="ba ca da"),
        "abc",
    ),
    "an extension of an extension": (drawn("a", extension="ba cb"), "abc"),
    "an own extension of an extension": (drawn("c", extension="ba cb"), "abc"),
    "an own extension, its host closed": (drawn("c", closed="b", extension="ba cb"), ""),
    "an own extension, its host's host closed": (drawn("c", closed="a", extension="ba cb"), ""),
    "an extension of a closed extension": (drawn("a", closed="b", extension="ba cb"), "a"),
    "a long chain of extensions, owned at the end": (
        drawn("f", extension="ba cb dc ed fe"),
        "abcdef",
    ),
    "a long chain of extensions, owned in the middle": (
        drawn("c", extension="ba cb dc ed fe"),
        "abcdef",
    ),
    "a long chain of extensions, closed in the middle": (
        drawn("af", closed="d", extension="ba cb dc ed fe"),
        "abc",
    ),
    "an own extension of two hosts": (drawn("c", extension="ca cb"), "abc"),
    "an own extension of two hosts, one closed": (
        drawn("c", closed="a", extension="ca cb"),
        "abc",
    ),
    "an own extension of two hosts, both closed": (drawn("c", closed="ab", extension="ca cb"), ""),
    "an own extension of two hosts, one deleted, one closed": (
        drawn("c", deleted="a", closed="b", extension="ca cb"),
        "",
    ),
    "the parent of an extension": (drawn("a", extension="ba", child="bp"), "abp"),
    "the closed parent of an extension": (
        drawn("a", closed="p", extension="ba", child="bp"),
        "abp",
    ),
    "the parent of a closed extension": (drawn("a", closed="b", extension="ba", child="bp"), "a"),
    "an own extension that has a parent, its host closed": (
        drawn("b", closed="a", extension="ba", child="bp"),
        "",
    ),
    "an extension of a parent": (drawn("b", child="ba", extension="ea"), "abe"),
    "an extension of a closed parent": (drawn("b", closed="a", child="ba", extension="ea"), "abe"),
    "a child of an extension": (drawn("a", extension="ea", child="ce"), "ae"),
    "an own child of an extension": (drawn("c", extension="ea", child="ce"), "ace"),
    "an own child of a closed extension of a closed host": (
        drawn("c", closed="ae", extension="ea", child="ce"),
        "ace",
    ),
    "the host of an extension of a parent": (drawn("b", child="ba", extension="ea eh"), "abeh"),
    "both kinds of index to one case": (drawn("b", child="ba", extension="ba"), "ab"),
    "both kinds of index to one closed case": (
        drawn("b", closed="a", child="ba", extension="ba"),
        "ab",
    ),
    "both kinds of index to one own case: no extension": (
        drawn("a", child="ba", extension="ba"),
        "a",
    ),
    "both kinds to one case, an extension of another that is closed": (
        drawn("b", closed="c", child="ba", extension="ba bc"),
        "",
    ),
    "a child of one and an extension of another own case": (
        drawn("ac", child="ba", extension="bc"),
        "abc",
    ),
    "a delegation: an extension of a case of another": (
        drawn("d", extension="dp sp", child="vp"),
        "dps",
    ),
    "parents in a circle": (drawn("a", child="ab bc ca"), "abc"),
    "parents in a circle, closed": (drawn("a", closed="bc", child="ab bc ca"), "abc"),
    "extensions in a circle, nowhere free": (drawn("a", extension="ab bc ca"), ""),
    "extensions in a circle, one with a free host": (
        drawn("a", extension="ab bc ca ch", others="h"),
        "abch",
    ),
    "two extensions of each other": (drawn("ab", extension="ab ba"), ""),
    "a circle of an extension and a child": (drawn("a", extension="ba", child="ab"), "ab"),
    "an island beside": (drawn("a", extension="ba dc", child="fe"), "ab"),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_phone_has(session: Session, project: Project, name: str):
    graph, expected = GRAPHS[name]
    made = stored(session, project.id, graph)
    assert on_phone(graph, {"worker"}) == set(expected)
    owners = [made.owners[owner] for owner in ("worker",) if owner in made.owners]
    assert made.names(scope(session, project.id, owners)) == set(expected)


def test_there_are_enough_of_them():
    assert len(GRAPHS) >= 40


NAMES = "abcdefgh"
nodes = st.builds(
    Node,
    owner=st.sampled_from(["worker", "group", "somebody", "other"]),
    closed=st.sampled_from([False, False, True]),
    deleted=st.sampled_from([False, False, False, True]),
    points=st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(["child", "extension", "extension"])),
        max_size=3,
    ).map(tuple),
)
#: Of up to eight cases, with circles, each pointing to others of them and never to itself.
graphs = st.lists(nodes, min_size=1, max_size=len(NAMES)).map(
    lambda some: {
        NAMES[place]: Node(
            node.owner,
            node.closed,
            node.deleted,
            tuple(
                (target, kind)
                for target, kind in node.points
                if target in NAMES[: len(some)] and target != NAMES[place]
            ),
        )
        for place, node in enumerate(some)
    }
)


@given(graph=graphs)
@settings(
    max_examples=examples(80),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_phone_has_what_the_reference_says(session: Session, project: Project, graph: Graph):
    made = stored(session, project.id, graph)
    known = {"worker", "group"} & set(made.owners)
    found = scope(session, project.id, [made.owners[owner] for owner in known])
    assert made.names(found) == on_phone(graph, known)
    assert list(found) == sorted(set(found))
    free = {
        name
        for name, node in graph.items()
        # Whoever owned it would have it.
        if name
        in on_phone({**graph, name: Node("me", node.closed, node.deleted, node.points)}, {"me"})
    }
    assert made.names(available(session, project.id, list(made.keys.values()))) == free


def test_a_scope_ends_at_the_border_of_the_project(session: Session, project: Project):
    made = stored(session, project.id, drawn("a", child="ab"))
    other = factories.project()
    assert len(scope(session, other.id, made.owners.values())) == 0
    assert available(session, other.id, list(made.keys.values())) == set()
    assert len(scope(session, project.id, [])) == 0
