"""Which values of a property are shown: those of choices, never those of persons (SPEC U3)."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests.forms import open_case
from tests.rules.running import child
from tests.rules.worlds import CaseRow, make_world
from webapp.history.property_sample import frequent_values, types_at
from webapp.projects.models import Project

VALUES = {
    "most frequent first": (["no"] * 3 + ["yes"] * 5, ("yes", "no")),
    "a rare one is not shown": (["yes"] * 8 + ["Ada Okello"] * 2, ("yes",)),
    "names": ([f"name {number}" for number in range(20)], ()),
    "names, of which some are the same": (["Ada"] * 3 + [f"n{n}" for n in range(9)], ()),
    "too few cases": (["yes", "yes"], ()),
    "blank ones do not count": (["", " "] * 9 + ["yes"] * 3, ("yes",)),
    "long texts": (["She was not at home when we came."] * 9, ()),
    "many different ones": ([f"{number % 60}" for number in range(240)], ()),
    "only some": ([f"v{number % 6}" for number in range(60)], ("v0", "v1", "v2", "v3")),
}


@pytest.mark.parametrize(("values", "shown"), VALUES.values(), ids=VALUES.keys())
def test_values_that_are_shown(
    session: Session, project: Project, values: list[str], shown: tuple[str, ...]
):
    rows = [CaseRow(properties={"x": value}) for value in values]
    rows += [CaseRow(properties={"x": "closed"}, closed=True)] * 9
    make_world(session, project.id, rows)
    assert frequent_values(session, project.id, "patient").get("x", ()) == shown


def test_the_types_that_a_path_leads_to(session: Session, project: Project):
    open_case(session, project.id, "ada")
    child(session, project, "visit", "ada")
    assert types_at(session, project.id, "visit", ()) == ("visit",)
    assert types_at(session, project.id, "visit", ("parent",)) == ("patient",)
    assert types_at(session, project.id, "visit", ("parent", "parent")) == ()
    assert types_at(session, project.id, "patient", ("parent",)) == ()
    assert types_at(session, project.id, "", ("parent",)) == ()
