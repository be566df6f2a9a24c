"""A rule in words (SPEC U2): every kind says what it does, and what blanks do."""

from __future__ import annotations

import pytest
from flask import Flask

from webapp.rules.blanks import blanks_of
from webapp.rules.describe import action_words, criterion_words, list_words, rule_words
from webapp.rules.describe_blanks import blank_words
from webapp.rules.operators import DATE, NUMBER, PROPERTY
from webapp.rules.portable import from_json

CRITERIA = [
    (
        {"kind": "not_modified_since", "days": 1},
        "no form has come for the case for more than 1 day",
    ),
    (
        {"kind": "not_modified_since", "days": 365},
        "no form has come for the case for more than 365 days",
    ),
    ({"kind": "parent_closed"}, "the parent case is closed"),
    (
        {"kind": "location", "location": "0a" * 16},
        f"the owner is the location “{'0a' * 16}” or a worker assigned to it",
    ),
    ({"operator": "equals", "value": "a %(name)s"}, "p is “a %(name)s”"),
    ({"operator": "not_equals", "value": "Yes"}, "p is not “Yes”, or was never filled in"),
    ({"operator": "has_value"}, "p is filled in"),
    ({"operator": "has_no_value"}, "p is blank or was never filled in"),
    ({"operator": "contains", "value": "100%"}, "p contains “100%”"),
    ({"operator": "starts_with", "value": "x" * 99}, f"p starts with “{'x' * 80}…”"),
    # Only these two are true without a value: they say it of a missing parent too (R5).
    (
        {"property": "parent/p", "operator": "not_equals", "value": "Yes"},
        "there is a case for parent/p, and there it is not “Yes”, or was never filled in",
    ),
    (
        {"property": "host/p", "operator": "has_no_value"},
        "host/p is blank or was never filled in, or there is no such case",
    ),
    (
        {"kind": "not_modified_since", "days": 0},
        "the last form for the case came before this moment",
    ),
    (
        {"kind": "date", "operator": "before", "days": 1000},
        "today is before the date in p plus 1,000 days",
    ),
    ({"operator": "one_of", "values": ["A", "B"]}, "p is one of “A”, “B”"),
    (
        {"operator": "one_of", "values": list("ABCDEFG")},
        "p is one of “A”, “B”, “C”, “D”, “E” and 2 more",
    ),
    ({"kind": "number", "operator": "at_most", "value": "11.5"}, "p is a number of at most 11.5"),
    ({"kind": "date", "operator": "after"}, "today is after the date in p"),
    (
        {"kind": "date", "operator": "after", "days": 60},
        "today is after the date in p plus 60 days",
    ),
    (
        {"kind": "date", "operator": "on_or_before", "days": -1},
        "today is on or before the date in p minus 1 day",
    ),
]


def rule(*criteria: dict, match: str = "all", actions: list | None = None) -> dict:
    """A rule with these criteria; what they leave out is that of a property `p`."""
    filled = [
        one
        if one.get("kind") in {"not_modified_since", "parent_closed", "location"}
        else {"kind": "property", "property": "p", **one}
        for one in criteria
    ]
    return {
        "name": "A rule",
        "case_type": "patient",
        "match": match,
        "criteria": filled,
        "actions": actions or [{"kind": "close"}],
    }


@pytest.mark.parametrize(("criterion", "words"), CRITERIA, ids=lambda value: str(value)[:40])
def test_a_criterion_in_words(app: Flask, criterion: dict, words: str):
    with app.test_request_context():
        (one,) = from_json(rule(criterion)).criteria
        assert criterion_words(one) == words


def test_every_operator_has_words(app: Flask):
    with app.test_request_context():
        for operator, comparison in PROPERTY.items():
            given = {"value": {"value": "x"}, "values": {"values": ["x"]}}.get(comparison.needs, {})
            (one,) = from_json(rule({"operator": operator, **given})).criteria
            assert criterion_words(one).startswith("p ")
        for operator in NUMBER:
            row = {"kind": "number", "operator": operator, "value": "1"}
            assert criterion_words(from_json(rule(row)).criteria[0]).startswith("p is a number")
        for operator in DATE:
            for days in (-2, 0, 2):
                row = {"kind": "date", "operator": operator, "days": days}
                words = criterion_words(from_json(rule(row)).criteria[0])
                assert words.startswith("today is ")
                assert {-2: "minus 2 days", 0: "p", 2: "plus 2 days"}[days] in words


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"kind": "close"}, "close the case"),
        ({"kind": "set", "property": "p", "value": "x"}, "set p to “x”"),
        ({"kind": "set", "property": "p", "value": ""}, "empty p, where it is filled in"),
        (
            {"kind": "copy", "property": "owner_id", "from": "q"},
            "set owner_id to the value of q, unless that is empty or was never filled in",
        ),
        (
            {"kind": "copy", "property": "parent/p", "from": "host/q"},
            "set parent/p to the value of host/q, unless that was never filled in",
        ),
    ],
)
def test_an_action_in_words(app: Flask, action: dict, words: str):
    with app.test_request_context():
        (one,) = from_json(rule({"operator": "has_value"}, actions=[action])).actions
        assert action_words(one) == words


def test_a_whole_rule_in_words(app: Flask):
    with app.test_request_context():
        both = [{"operator": "not_equals", "value": "Yes"}, {"kind": "date", "operator": "after"}]
        said = rule_words(from_json(rule(*both)))
        assert said == (
            "This rule is for open cases of type patient of which all of this is true: p is not"
            " “Yes”, or was never filled in; today is after the date in p. What happens then: close"
            " the case. Cases with no p do not match."
        )
        assert "any of this" in rule_words(from_json(rule(*both, match="any")))
        assert "every open case" in rule_words(from_json(rule(match="every_case")))
        assert "of which this is true" in rule_words(from_json(rule(both[0])))


DATE_P = {"kind": "date", "property": "p", "operator": "after"}
NOT_P, NOT_PARENTS = [
    {"kind": "property", "property": name, "operator": "not_equals", "value": "x"}
    for name in ("p", "parent/p")
]
NO_PARENTS = {"kind": "property", "property": "parent/p", "operator": "has_no_value"}
SPACES = {"kind": "property", "property": "p", "operator": "contains", "value": "  "}
OLD = {"kind": "not_modified_since", "days": 9}


@pytest.mark.parametrize(
    ("criteria", "of_all", "of_any"),
    [
        ([OLD], [], []),
        ([DATE_P], ["Cases with no p do not match."], ["Cases with no p do not match."]),
        (
            [OLD, DATE_P, DATE_P | {"days": 3}],
            ["Cases with no p do not match."],
            ["Cases with no p match only by another condition."],
        ),
        (
            [OLD, NOT_P],
            ["Cases with no p match if the other conditions are true."],
            ["Cases with no p match."],
        ),
        ([NOT_P, DATE_P], ["Cases with no p do not match."], ["Cases with no p match."]),
        (
            [NOT_PARENTS],
            ["Cases where parent/p is blank match.", "Cases that lead to no case for parent/p do"],
            ["Cases where parent/p is blank match.", "Cases that lead to no case for parent/p do"],
        ),
        (
            [NO_PARENTS, OLD],
            ["Cases where parent/p is blank, or there is no such case, match if the other"],
            ["Cases where parent/p is blank, or there is no such case, match."],
        ),
        (
            [{"kind": "parent_closed"}, OLD],
            ["Cases without a parent case do not match."],
            ["Cases without a parent case match only by another condition."],
        ),
        (
            [SPACES],
            ["Cases where p is empty or was never filled in do not match."],
            ["Cases where p is empty or was never filled in do not match."],
        ),
        (
            [SPACES | {"property": "parent/p"}],
            ["Cases where parent/p is empty or was never filled in, or there is no such case, do"],
            ["Cases where parent/p is empty or was never filled in, or there is no such case, do"],
        ),
    ],
)
def test_what_blanks_do(app: Flask, criteria: list[dict], of_all: list[str], of_any: list[str]):
    with app.test_request_context():
        for match, expected in (("all", of_all), ("any", of_any)):
            said = [blank_words(one) for one in blanks_of(from_json(rule(*criteria, match=match)))]
            assert len(said) == len(expected)
            for one, begins in zip(said, expected, strict=True):
                assert one.startswith(begins)


def test_what_blanks_do_with_their_number(app: Flask):
    with app.test_request_context():
        (one,) = blanks_of(from_json(rule(DATE_P)))
        assert blank_words(one, 4340) == "Cases with no p do not match (4,340)."


@pytest.mark.parametrize(
    ("match", "criteria", "words"),
    [
        ("every_case", 0, "For every open case: close the case."),
        ("any", 1, "If a is “1”: close the case."),
        ("all", 2, "If all of this is true: a is “1”; b is “1”; then: close the case."),
        ("any", 2, "If any of this is true: a is “1”; b is “1”; then: close the case."),
    ],
)
def test_a_rule_in_a_line(app: Flask, match: str, criteria: int, words: str):
    equals = {"kind": "property", "operator": "equals", "value": "1"}
    definition = from_json(
        {
            "name": "r",
            "case_type": "t",
            "match": match,
            "criteria": [{**equals, "property": name} for name in "ab"[:criteria]],
            "actions": [{"kind": "close"}],
        }
    )
    assert list_words(definition) == words
