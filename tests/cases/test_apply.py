"""The pure function that changes a case (SPEC S9)."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from webapp.cases.apply import (
    NOTHING,
    CaseState,
    Change,
    IndexValue,
    apply,
    change_from_json,
    change_to_json,
    difference,
    replay,
    revert,
)

OPENS = Change(
    user="worker",
    opener="worker",
    date_modified=100,
    arrived_on=200,
    owner_if_new="worker",
    given={"type": "patient", "name": "Ana"},
    properties={"village": "Kijani"},
)

texts = st.text(max_size=4)
names = st.sampled_from(["a", "b", "c"])
indices = st.builds(IndexValue, st.integers(1, 3), texts, st.sampled_from(["child", "extension"]))
changes = st.builds(
    Change,
    user=texts,
    opener=texts,
    date_modified=st.integers(-5, 5),
    arrived_on=st.integers(0, 9),
    owner_if_new=texts,
    given=st.dictionaries(
        st.sampled_from(["type", "name", "owner_id", "external_id", "opened_by"]), texts
    ),
    opened_on=st.none() | st.integers(-5, 5),
    properties=st.dictionaries(names, texts),
    indices=st.dictionaries(names, st.none() | indices),
    closes=st.booleans(),
    opened_for=st.none() | texts,
)


def test_for_whom_a_case_is_opened_counts_only_then():
    named = replace(OPENS, given=OPENS.given | {"owner_id": "worker"}, opened_for="team")
    assert apply(NOTHING, named).owner_id == "team"
    assert replay([OPENS, named]).owner_id == "worker"
    assert replay([replace(OPENS, opened_for="team"), OPENS]).owner_id == "team"


def test_the_first_change_opens_the_case():
    state = apply(NOTHING, OPENS)
    assert state == CaseState(
        deleted=False,
        type="patient",
        name="Ana",
        owner_id="worker",
        opened_on=100,
        opened_by="worker",
        modified_on=100,
        modified_by="worker",
        server_modified_on=200,
        properties={"village": "Kijani"},
    )


def test_an_update_of_an_unknown_case_opens_it_without_type_and_name():
    state = apply(NOTHING, replace(OPENS, given={}))
    assert (state.deleted, state.type, state.name) == (False, "", "")


def test_the_given_owner_and_opening_date_win_over_the_resolved_ones():
    state = apply(NOTHING, replace(OPENS, given={"owner_id": "group"}, opened_on=7))
    assert (state.owner_id, state.opened_on) == ("group", 7)


def test_modified_on_never_goes_back():
    state = replay([OPENS, replace(OPENS, date_modified=50, user="other")])
    assert (state.modified_on, state.modified_by) == (100, "other")


def test_a_closed_case_is_updated_and_stays_closed():
    state = replay([OPENS, replace(OPENS, closes=True), replace(OPENS, properties={"late": "1"})])
    assert state.closed
    assert state.properties == {"village": "Kijani", "late": "1"}


def test_a_second_close_overwrites_when_and_by_whom():
    closes = replace(OPENS, closes=True)
    state = replay([OPENS, closes, replace(closes, date_modified=300, user="other")])
    assert (state.closed_on, state.closed_by) == (300, "other")


def test_an_empty_value_is_the_empty_text():
    assert replay([OPENS, replace(OPENS, properties={"village": ""})]).properties == {"village": ""}


def test_an_index_is_set_moved_and_removed():
    to_one = {"parent": IndexValue(1, "household", "child")}
    to_two = {"parent": IndexValue(2, "household", "child")}
    set_, moved = replace(OPENS, indices=to_one), replace(OPENS, indices=to_two)
    removed = replace(OPENS, indices={"parent": None})
    assert replay([set_]).indices == to_one
    assert replay([set_, moved]).indices == to_two
    assert replay([set_, moved, removed]).indices == {}


@given(st.lists(changes, max_size=6), changes)
def test_what_was_before_leads_back(history: list[Change], change: Change):
    before = replay(history)
    after = apply(before, change)
    assert revert(after, difference(before, after)) == before


@given(changes)
def test_a_change_survives_its_json(change: Change):
    assert change_from_json(change_to_json(change)) == change
