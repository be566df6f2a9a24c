"""Lists of names, and yes or no, in a cell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.errors import Invalid
from webapp.exchange.cells import list_of, names_in, yes_no, yes_or_no


def test_names_stand_between_semicolons():
    assert names_in(' Team  A;Team B ;\n"C; D" ; Team B;') == ["Team A", "Team B", "C; D"]
    assert names_in('Team A\rTeam B\r\n"C\rD"') == ["Team A", "Team B", "C D"]
    assert list_of(["Team A", "C; D", 'E "F"']) == 'Team A; "C; D"; "E ""F"""'


def test_a_cell_longer_than_any_list_is_refused():
    with pytest.raises(Invalid, match="too long"):
        names_in("x" * 140_000)


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"]), min_size=1)))
def test_a_list_is_read_as_it_was_written(names: list[str]):
    assert names_in(list_of(names)) == list(dict.fromkeys(names))


def test_yes_is_what_spreadsheets_write():
    assert [yes_or_no(text) for text in (" YES", "TRUE", "0", "maybe", "")] == [
        *(True, True, False, None, None)
    ]
    assert yes_or_no(yes_no(True)) is True
