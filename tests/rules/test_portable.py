"""A rule as JSON: what may be saved, and the path of what may not (SPEC §4.9, R10, R12, R31)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from tests.rules import dirt
from webapp.rules.definition import Close, Definition, Match, NumberIs, PropertyIs, Set
from webapp.rules.models import RuleState
from webapp.rules.portable import InvalidRule, from_json, rule_from_json, to_json
from webapp.rules.references import Reference

GOOD: dict[str, Any] = {
    "name": "Close stale patients",
    "description": "",
    "case_type": "patient",
    "match": "all",
    "criteria": [
        {"kind": "not_modified_since", "days": 365},
        {"kind": "property", "property": "status", "operator": "equals", "value": "completed"},
        {"kind": "property", "property": "village", "operator": "one_of", "values": ["A", "B"]},
        {"kind": "number", "property": "muac", "operator": "less_than", "value": "11.5"},
        {"kind": "date", "property": "edd", "operator": "on_or_after", "days": 30},
        {"kind": "parent_closed"},
        {"kind": "location", "location": "0a" * 16, "include_descendants": True},
    ],
    "actions": [
        {"kind": "set", "property": "close_reason", "value": "automatic"},
        {"kind": "copy", "property": "parent/last_child_seen", "from": "visit_date"},
        {"kind": "close"},
    ],
    "state": "active",
    "schedule": {"every": "day"},
}
CLOSE = [{"kind": "close"}]
HAS_P = {"kind": "property", "property": "p", "operator": "has_value"}


@pytest.fixture(autouse=True)
def _words(app_of_words: Flask) -> Iterator[None]:
    with app_of_words.app_context():
        yield


@pytest.fixture(scope="module")
def app_of_words() -> Flask:
    """Sentences need an application, but no database."""
    from flask_babel import Babel

    app = Flask(__name__)
    Babel(app)
    return app


def wrong(sent: object) -> dict[str, str]:
    """What is wrong with a rule, by path."""
    with pytest.raises(InvalidRule) as caught:
        rule_from_json(sent)
    return caught.value.fields


def test_the_example_of_the_specification():
    data = rule_from_json(GOOD)
    assert data.state is RuleState.ACTIVE
    assert data.document() == {name: GOOD[name] for name in GOOD if name != "state"}
    assert from_json(to_json(data.definition)) == data.definition


def test_what_may_be_left_out():
    data = rule_from_json({"name": " n ", "case_type": "t", "criteria": [HAS_P], "actions": CLOSE})
    assert data.definition.name == "n"
    assert data.definition.match is Match.ALL
    assert data.state is None
    assert data.document()["schedule"] == {"every": "day"}
    assert "brake" not in data.document()
    none = rule_from_json({**GOOD, "brake": None})
    assert none.document()["brake"] is None


@given(seed=st.integers(0, 2**32))
def test_every_rule_is_the_same_after_there_and_back(seed: int):
    definition = dirt.rule(Random(seed))
    assert from_json(json.loads(json.dumps(to_json(definition)))) == definition


@pytest.mark.parametrize(
    ("changes", "path", "says"),
    [
        ({"name": ""}, "name", "Enter a name"),
        ({"name": " \t"}, "name", "Enter a name"),
        ({"name": "x" * 127}, "name", "At most 126"),
        ({"name": "a\nb"}, "name", "one line"),
        ({"name": "a\tb"}, "name", "one line"),
        ({"name": "a\u2028b"}, "name", "one line"),
        ({"name": "a\x00"}, "name", "cannot carry"),
        ({"name": "a\ud800"}, "name", "cannot carry"),
        ({"name": 7}, "name", "Enter a text"),
        ({"name": None}, "name", "Enter a text"),
        ({"case_type": ""}, "case_type", "Choose a case type"),
        ({"case_type": "x" * 256}, "case_type", "At most 255"),
        ({"match": "some"}, "match", "Choose one of: all, any, every_case"),
        ({"match": []}, "match", "Choose one of"),
        ({"criteria": []}, "criteria", "at least one condition"),
        ({"match": "every_case"}, "criteria", "has no conditions"),
        ({"criteria": {}}, "criteria", "not a list"),
        ({"criteria": [1]}, "criteria[0]", "not a JSON object"),
        ({"criteria": [HAS_P] * 51}, "criteria", "At most 50"),
        ({"criteria": [{}]}, "criteria[0].kind", "Choose what the condition"),
        ({"criteria": [{"kind": "weather"}]}, "criteria[0].kind", "Choose one of"),
        ({"actions": []}, "actions", "Say what happens"),
        ({"actions": [{"kind": "delete"}]}, "actions[0].kind", "Choose one of: set, copy, close"),
        ({"actions": CLOSE * 2}, "actions[1].kind", "closed once"),
        (
            {"actions": [{"kind": "set", "property": f"p{n}", "value": "x"} for n in range(51)]},
            "actions",
            "At most 50",
        ),
        ({"state": "on"}, "state", "Choose one of"),
        ({"schedule": "day"}, "schedule", "not a JSON object"),
        ({"schedule": None}, "schedule", "not a JSON object"),
        ({"schedule": {}}, "schedule.every", "Choose how often"),
        ({"schedule": {"every": "hour"}}, "schedule.every", "Choose one of"),
        ({"schedule": {"every": "week"}}, "schedule.on", "list"),
        ({"schedule": {"every": "week", "on": ["monday"]}}, "schedule.on", "mon, tue"),
        ({"schedule": {"every": "month", "day": 29}}, "schedule.day", "from 1 to 28"),
        ({"schedule": {"every": "month"}}, "schedule.day", "from 1 to 28"),
        ({"schedule": {"every": "day", "day": 1}}, "schedule.day", "does not belong"),
        ({"brake": {"cases": -1, "percent": 5}}, "brake.cases", "whole number"),
        ({"brake": {"cases": 1}}, "brake.percent", "whole number"),
        ({"brake": {"cases": 1, "percent": 101}}, "brake.percent", "from 0 to 100"),
        ({"brake": 5}, "brake", "not a JSON object"),
        ({"colour": "red"}, "colour", "no such key"),
        ({"x" * 99: 1}, "x" * 40 + "…", "no such key"),
        ({"\ud800": 1}, "?", "no such key"),
    ],
)
def test_what_is_wrong_with_a_rule(changes: dict[str, Any], path: str, says: str):
    fields = wrong({**GOOD, **changes})
    assert says in fields[path], fields
    assert len(fields) == 1, fields


@pytest.mark.parametrize(
    ("criterion", "key", "says"),
    [
        ({"kind": "not_modified_since"}, "days", "from 0 to 36,500"),
        ({"kind": "not_modified_since", "days": -1}, "days", "from 0 to 36,500"),
        ({"kind": "not_modified_since", "days": 1.5}, "days", "whole number"),
        ({"kind": "not_modified_since", "days": True}, "days", "whole number"),
        ({"kind": "not_modified_since", "days": "3"}, "days", "whole number"),
        ({"kind": "not_modified_since", "days": 10**30}, "days", "whole number"),
        ({**HAS_P, "operator": "has"}, "operator", "Choose one of"),
        ({**HAS_P, "operator": None}, "operator", "Choose one of"),
        ({"kind": "property", "property": "p"}, "operator", "Choose a comparison"),
        ({**HAS_P, "property": "1"}, "property", "starts with a letter"),
        ({**HAS_P, "property": "mother/p"}, "property", "parent"),
        ({**HAS_P, "property": "parent/" * 6 + "p"}, "property", "five"),
        ({**HAS_P, "property": ""}, "property", "Enter the name"),
        ({**HAS_P, "property": "parent/"}, "property", "Enter the name"),
        ({**HAS_P, "property": "p" * 256}, "property", "at most 255"),
        ({**HAS_P, "property": "p" * 2001}, "property", "At most 2000"),
        ({**HAS_P, "value": "x"}, "value", "takes no such value"),
        ({**HAS_P, "operator": "equals"}, "value", "Enter a value"),
        ({**HAS_P, "operator": "equals", "value": ""}, "value", "Enter a value"),
        ({**HAS_P, "operator": "equals", "value": 7}, "value", "Enter a text"),
        ({**HAS_P, "operator": "equals", "value": "\x07"}, "value", "cannot carry"),
        ({**HAS_P, "operator": "equals", "value": "é" * 17_000}, "value", "32 kB"),
        ({**HAS_P, "operator": "equals", "value": "x", "days": 1}, "days", "no such key"),
        ({**HAS_P, "operator": "one_of"}, "values", "at least one"),
        ({**HAS_P, "operator": "one_of", "values": []}, "values", "at least one"),
        ({**HAS_P, "operator": "one_of", "values": "A"}, "values", "at least one"),
        ({**HAS_P, "operator": "one_of", "values": ["A", 1]}, "values[1]", "Enter a text"),
        ({**HAS_P, "operator": "one_of", "values": ["\x00"]}, "values[0]", "cannot carry"),
        # An empty property equals nothing (R5), also not one of a list.
        ({**HAS_P, "operator": "one_of", "values": ["A", ""]}, "values[1]", "Enter a value"),
        ({**HAS_P, "operator": "one_of", "values": ["v"] * 1001}, "values", "At most 1000"),
        ({**HAS_P, "operator": "one_of", "values": ["é" * 17_000]}, "values[0]", "32 kB"),
        ({"kind": "number", "property": "p", "operator": "at_most"}, "value", "like 11.5"),
        (
            {"kind": "number", "property": "p", "operator": "at_most", "value": "1e3"},
            "value",
            "like 11.5",
        ),
        (
            {"kind": "number", "property": "p", "operator": "at_most", "value": True},
            "value",
            "like 11.5",
        ),
        (
            {"kind": "number", "property": "p", "operator": "at_most", "value": 10**400},
            "value",
            "like 11.5",
        ),
        (
            {"kind": "number", "property": "p", "operator": "at_most", "value": float("nan")},
            "value",
            "like 11.5",
        ),
        (
            # More digits than Python writes.
            {"kind": "number", "property": "p", "operator": "at_most", "value": -(10**5000)},
            "value",
            "like 11.5",
        ),
        (
            {"kind": "number", "property": "p", "operator": "equals", "value": "1"},
            "operator",
            "Choose one of",
        ),
        (
            {"kind": "date", "property": "p", "operator": "after", "days": 36_501},
            "days",
            "-36,500 to 36,500",
        ),
        ({"kind": "date", "property": "p"}, "operator", "Choose a comparison"),
        ({"kind": "parent_closed", "property": "p"}, "property", "no such key"),
        ({"kind": "location"}, "location", "Choose a location"),
        ({"kind": "location", "location": "North"}, "location", "No location is called so"),
        (
            {"kind": "location", "location": "0a" * 16, "include_descendants": "yes"},
            "include_descendants",
            "true or false",
        ),
    ],
)
def test_what_is_wrong_with_a_condition(criterion: dict[str, Any], key: str, says: str):
    fields = wrong({**GOOD, "criteria": [HAS_P, criterion]})
    assert says in fields[f"criteria[1].{key}"], fields
    assert len(fields) == 1, fields


NOT_WRITABLE = (
    "case_id case_type opened_on date_opened opened_by user_id modified_on last_modified"
    " modified_by server_modified_on indexed_on closed closed_on closed_by date_modified"
).split()


@pytest.mark.parametrize("name", NOT_WRITABLE)
@pytest.mark.parametrize("path", ["", "parent/", "host/parent/"])
def test_names_that_only_the_server_writes(name: str, path: str):
    for action in ({"kind": "set", "value": "x"}, {"kind": "copy", "from": "p"}):
        fields = wrong({**GOOD, "actions": [{**action, "property": path + name}]})
        assert f"“{name}” is kept by the server" in fields["actions[0].property"]


@pytest.mark.parametrize(
    ("action", "key", "says"),
    [
        ({"kind": "set", "property": "p"}, "value", "Enter a value"),
        ({"kind": "set", "property": "p", "value": None}, "value", "Enter a text"),
        ({"kind": "set", "property": "p", "value": "x", "from": "q"}, "from", "no such key"),
        ({"kind": "set", "property": "name", "value": "x" * 256}, "value", "at most 255"),
        ({"kind": "set", "property": "owner_id", "value": ""}, "value", "always has an owner"),
        ({"kind": "set", "property": "owner_id", "value": " \t"}, "value", "always has an owner"),
        ({"kind": "copy", "property": "p"}, "from", "Enter the name"),
        ({"kind": "copy", "property": "p", "from": "a b"}, "from", "starts with a letter"),
        ({"kind": "close", "property": "p"}, "property", "no such key"),
    ],
)
def test_what_is_wrong_with_an_action(action: dict[str, Any], key: str, says: str):
    fields = wrong({**GOOD, "actions": [action]})
    assert says in fields[f"actions[0].{key}"], fields
    assert len(fields) == 1, fields


@pytest.mark.parametrize(
    ("one", "other", "twice"),
    [
        ("p", "p", True),
        ("name", "case_name", True),
        ("parent/name", "parent/case_name", True),
        ("parent/p", "p", False),
        ("parent/p", "host/p", False),
        ("p", "P", False),
    ],
)
def test_a_target_stands_once(one: str, other: str, twice: bool):
    actions = [
        {"kind": "set", "property": one, "value": "x"},
        {"kind": "copy", "property": other, "from": "q"},
    ]
    if twice:
        assert "set twice" in wrong({**GOOD, "actions": actions})["actions[1].property"]
    else:
        assert len(from_json({**GOOD, "actions": actions}).actions) == 2


def test_the_empty_text_may_be_set_and_blanks_compared_with():
    definition = from_json(
        {
            **GOOD,
            "criteria": [{**HAS_P, "operator": "equals", "value": " "}],
            "actions": [{"kind": "set", "property": "p", "value": ""}],
        }
    )
    assert definition.criteria == (PropertyIs(Reference((), "p"), "equals", " "),)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (11.5, "11.5"),
        (7, "7"),
        (-0.1, "-0.1"),
        (1e3, "1000.0"),
        (Decimal("1E+3"), "1000"),
        ("11.50", "11.50"),
        (" 7 ", "7"),
    ],
)
def test_a_number_may_be_a_json_number_or_a_text(sent: object, kept: str):
    criterion = {"kind": "number", "property": "p", "operator": "at_most", "value": sent}
    (found,) = from_json({**GOOD, "criteria": [criterion]}).criteria
    assert isinstance(found, NumberIs)
    assert Decimal(found.value) == Decimal(kept)
    assert "e" not in found.value.lower()


def test_blanks_around_a_name_do_not_count():
    assert from_json({**GOOD, "name": " " + "x" * 126 + "\n"}).name == "x" * 126


def test_line_ends_of_a_description_are_one_way():
    # A browser shows “\n” and sends “\r\n” back: saving what nobody edited makes no version.
    assert from_json({**GOOD, "description": "a\r\nb\rc\n"}).description == "a\nb\nc"


def test_a_case_type_and_values_are_kept_to_the_letter():
    value = " two\r\nlines "
    definition = from_json(
        {
            **GOOD,
            "case_type": " patient",
            "actions": [{"kind": "set", "property": "p", "value": value}],
        }
    )
    assert definition.case_type == " patient"
    assert definition.actions == (Set(Reference((), "p"), value),)


def test_a_document_of_mistakes_gets_a_short_answer():
    fields = wrong({**GOOD, **{f"k{number}": 1 for number in range(5000)}})
    assert len(fields) == 100


def test_a_match_that_cannot_be_read_is_one_mistake():
    assert set(wrong({**GOOD, "match": "some", "criteria": []})) == {"match"}


def test_all_that_is_wrong_is_said_at_once():
    fields = wrong({"criteria": [{"kind": "date"}, {"kind": "x"}], "actions": [], "z": 1})
    assert set(fields) == {
        "name",
        "case_type",
        "criteria[0].property",
        "criteria[0].operator",
        "criteria[1].kind",
        "actions",
        "z",
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(st.sampled_from([*GOOD, "kind", "days", "every", "x"]), inside)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_a_rule_or_says_what_is_wrong(sent: object):
    try:
        definition = from_json(sent)
    except InvalidRule as error:
        said = error.fields
    else:
        said = {"": "a rule"} if definition.actions else {}
    assert said
    assert all(said.values())


@given(name=st.sampled_from(sorted(GOOD)), sent=JSON)
def test_any_value_in_a_good_rule_is_taken_or_refused(name: str, sent: object):
    for path in _paths({**GOOD, name: sent}):
        assert path.startswith(name) or path == "criteria"


@given(where=st.sampled_from(["criteria", "actions"]), number=st.integers(0, 5), sent=JSON)
def test_any_value_in_a_good_row_is_taken_or_refused(where: str, number: int, sent: object):
    rows = [dict(row) for row in GOOD[where]]
    row = rows[number % len(rows)]
    for name in row:
        changed = [{**one, name: sent} if one is row else one for one in rows]
        assert all(path.startswith(where) for path in _paths({**GOOD, where: changed}))


def _paths(sent: object) -> set[str]:
    """The paths of what is wrong with a rule, if anything."""
    try:
        rule_from_json(sent)
    except InvalidRule as error:
        return set(error.fields)
    return set()


@pytest.mark.parametrize("sent", [None, [], "x", 7, True])
def test_what_is_no_object(sent: object):
    assert "not a JSON object" in wrong(sent)[""]


def test_a_definition_knows_what_it_does():
    definition = Definition("n", "t", Match.EVERY_CASE, (), (Close(),))
    assert definition.closes
    assert not definition.touches_others
    assert rule_from_json(GOOD).definition.touches_others
