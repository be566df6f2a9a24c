"""What differs between two versions, as people read it (SPEC R29): every difference is said."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import RULE
from tests.rules import dirt
from webapp.rules.portable import rule_from_json
from webapp.rules.versions import differences

P = {"kind": "property", "property": "p"}


@pytest.fixture(scope="module")
def app_of_words() -> Flask:
    """Sentences need an application, but no database."""
    app = Flask(__name__)
    Babel(app)
    return app


@pytest.fixture(autouse=True)
def _words(app_of_words: Flask) -> Iterator[None]:
    with app_of_words.app_context():
        yield


def told(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """The differences between two rules that are alike but for this."""
    return differences(rule_from_json({**RULE, **old}), rule_from_json({**RULE, **new}))


def conditions(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"criteria": list(rows)}


def one_of(*values: str) -> dict[str, Any]:
    return {**P, "operator": "one_of", "values": list(values)}


def equals(value: str) -> dict[str, Any]:
    return {**P, "operator": "equals", "value": value}


def test_all_differences_of_an_edit():
    new = {
        "name": "Tidy",
        "case_type": "household",
        "match": "any",
        "description": "because",
        "criteria": [
            {"kind": "property", "property": "status", "operator": "equals", "value": "old"},
            {"kind": "not_modified_since", "days": 30},
        ],
        "actions": [{"kind": "set", "property": "p", "value": "x"}],
        "schedule": {"every": "hand"},
        "brake": {"cases": 1000, "percent": 5},
    }
    assert told({}, new) == [
        "Name: “Close stale patients” became “Tidy”.",
        "Note: “” became “because”.",
        "Case type: “patient” became “household”.",
        "Now it is enough that any one of the conditions is true.",
        "Condition removed: status is “stale”.",
        "Condition added: status is “old”.",
        "Condition added: no form has come for the case for more than 30 days.",
        "No longer happens: close the case.",
        "Now happens: set p to “x”.",
        "When it runs: only by hand.",
        (
            "Brake: it stops to ask when more than 1,000 cases and more than 5 % of the open cases"
            " of the type would change."
        ),
    ]
    assert told(new, new) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"match": "any"}, {}, "all of the conditions must be true"),
        ({}, {"schedule": {"every": "week", "on": ["mon", "fri"]}}, "every week on Monday, Friday"),
        ({}, {"schedule": {"every": "month", "day": 5}}, "every month on day 5"),
        ({"schedule": {"every": "hand"}}, {}, "When it runs: every day."),
        ({}, {"brake": None}, "Brake: none, so it never stops to ask."),
        ({"brake": None}, {}, "Brake: as in the project's settings."),
        (
            {"description": "x" * 99},
            {"description": "x" * 98},
            "The note was changed beyond what is shown here",
        ),
    ],
)
def test_a_difference_of_one_part(old: dict[str, Any], new: dict[str, Any], said: str):
    (sentence,) = told(old, new)
    assert said in sentence


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            [one_of(*"ABCDEFG")],
            [one_of(*"ABCDEFXY")],
            ["No longer in the list for p: “G”.", "Now in the list for p: “X”, “Y”."],
        ),
        ([one_of("A", "B")], [one_of("B", "A")], ["The list for p stands in another order."]),
        (
            [one_of("A")],
            [one_of(*"ABCDEFGH")],
            ["Now in the list for p: “B”, “C”, “D”, “E”, “F” and 2 more."],
        ),
        (
            [equals("x" * 99)],
            [equals("x" * 98)],
            [f"Changed beyond what is shown here: p is “{'x' * 80}…”."],
        ),
        (
            [equals("A"), equals("B")],
            [equals("B"), equals("A")],
            ["The conditions stand in another order."],
        ),
        ([equals("A"), equals("A")], [equals("A")], ["Condition removed: p is “A”."]),
        (
            [one_of("A")],
            [equals("A")],
            ["Condition removed: p is one of “A”.", "Condition added: p is “A”."],
        ),
    ],
)
def test_a_difference_of_conditions(
    old: list[dict[str, Any]], new: list[dict[str, Any]], said: list[str]
):
    assert told(conditions(*old), conditions(*new)) == said
    # Another difference beside it hides nothing.
    assert told(conditions(*old), {**conditions(*new), "name": "Other"})[1:] == said


def test_conditions_given_up_for_every_case():
    assert told({}, {"match": "every_case", "criteria": []}) == [
        "Now it is for every open case, without conditions.",
        "Condition removed: status is “stale”.",
    ]


def test_the_order_of_what_happens():
    one, two = ({"kind": "set", "property": name, "value": "x"} for name in "ab")
    assert told({"actions": [one, two]}, {"actions": [two, one]}) == [
        "What happens stands in another order."
    ]


@given(one=st.integers(0, 10**6), other=st.integers(0, 10**6))
def test_no_difference_is_silent_and_no_sameness_is_told(one: int, other: int):
    old, new = dirt.rule(Random(one)), dirt.rule(Random(other))
    assert bool(differences(old, new)) is (old != new)
    assert all(differences(old, new))
