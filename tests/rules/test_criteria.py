"""Every cell of SPEC R4 to R7, in SQL and in Python, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from sqlalchemy.orm import Session

from tests.rules.worlds import MOMENT, CaseRow, make_world
from webapp.clock import DAY
from webapp.projects.models import Project
from webapp.rules.compile import matching
from webapp.rules.definition import (
    Close,
    Criterion,
    DateIs,
    Definition,
    Match,
    NotModifiedSince,
    NumberIs,
    ParentClosed,
    PropertyIs,
)
from webapp.rules.explain import explain, matches
from webapp.rules.moment import Moment
from webapp.rules.references import parse_reference
from webapp.rules.view import load, paths_read

TODAY = date(2026, 3, 1)
NOW = Moment(MOMENT, TODAY)


def rule(*criteria: Criterion, match: Match = Match.ALL) -> Definition:
    return Definition("A rule", "patient", match, criteria, (Close(),))


def found(
    session: Session,
    project: Project,
    definition: Definition,
    rows: list[CaseRow],
    moment: Moment = NOW,
) -> list[bool]:
    """Which of the cases match: by SQL and by Python, which must agree."""
    keys = make_world(session, project.id, rows)
    by_sql = set(session.scalars(matching(project.id, definition, moment)))
    cases = load(session, project.id, keys, paths_read(definition))
    for key in keys:
        said = matches(definition, cases, key, moment)
        assert said == (key in by_sql), (definition, cases.known[key])
        assert explain(definition, cases, key, moment).matches == said
    return [key in by_sql for key in keys]


def matching_values(
    session: Session,
    project: Project,
    criterion: Criterion,
    values: list[str | None],
    moment: Moment = NOW,
) -> list[str | None]:
    """The values of a property `p` for which a criterion is true."""
    rows = [CaseRow({} if value is None else {"p": value}) for value in values]
    truths = found(session, project, rule(criterion), rows, moment)
    return [value for value, true in zip(values, truths, strict=True) if true]


def property_is(
    operator: str, value: str = "", values: tuple[str, ...] = (), name: str = "p"
) -> PropertyIs:
    return PropertyIs(parse_reference(name), operator, value, values)


SPACES = " \t\n\r"
HARD_SPACE = "\xa0"


@pytest.mark.parametrize(
    ("criterion", "true_for"),
    [
        (property_is("equals", "x"), ["x"]),
        (property_is("equals", SPACES), [SPACES]),
        (property_is("one_of", values=("x", "y", SPACES)), [SPACES, "x"]),
        (property_is("not_equals", "x"), [None, "", SPACES, HARD_SPACE, "X", " x", "yx1"]),
        (property_is("not_equals", SPACES), [None, "", HARD_SPACE, "x", "X", " x", "yx1"]),
        (property_is("has_value"), [HARD_SPACE, "x", "X", " x", "yx1"]),
        (property_is("has_no_value"), [None, "", SPACES]),
        (property_is("contains", "x"), ["x", " x", "yx1"]),
        (property_is("contains", "\t"), [SPACES]),
        (property_is("starts_with", "x"), ["x"]),
        (property_is("starts_with", " "), [SPACES, " x"]),
    ],
    ids=str,
)
def test_texts(session: Session, project: Project, criterion: PropertyIs, true_for: list):
    values = [None, "", SPACES, HARD_SPACE, "x", "X", " x", "yx1"]
    assert matching_values(session, project, criterion, values) == true_for


@pytest.mark.parametrize("text", ["%", "_", "*", "[a]", "\\", "'", '"', "é", "😀", "$.p"])
def test_texts_have_no_wildcards(session: Session, project: Project, text: str):
    values = ["a", "abc", text, f"a{text}b", f"{text}b"]
    for operator, expected in (
        ("equals", [text]),
        ("contains", [text, f"a{text}b", f"{text}b"]),
        ("starts_with", [text, f"{text}b"]),
    ):
        criterion = property_is(operator, text)
        assert matching_values(session, project, criterion, values) == expected


def test_one_of_takes_thousands_of_values(session: Session, project: Project):
    many = tuple(f"v{n}" for n in range(1000))
    criteria = [property_is("one_of", values=many) for _ in range(50)]
    rows = [CaseRow({"p": "v999"}), CaseRow({"p": "v1000"})]
    assert found(session, project, rule(*criteria), rows) == [True, False]


NO_PARENT = [
    (property_is("equals", "", name="parent/p"), False),
    (property_is("one_of", values=("", "x"), name="parent/p"), False),
    (property_is("not_equals", "x", name="parent/p"), False),
    (property_is("has_value", name="parent/p"), False),
    (property_is("has_no_value", name="parent/p"), True),
    (property_is("contains", "x", name="parent/p"), False),
    (property_is("starts_with", "x", name="parent/p"), False),
    (NumberIs(parse_reference("parent/p"), "at_least", "0"), False),
    (DateIs(parse_reference("parent/p"), "after"), False),
    (property_is("not_equals", "x", name="parent/name"), False),
    (property_is("not_equals", "x", name="host/p"), False),
    (property_is("has_no_value", name="host/host/p"), True),
]


@pytest.mark.parametrize(("criterion", "true"), NO_PARENT, ids=str)
def test_a_parent_that_is_not_there(
    session: Session, project: Project, criterion: Criterion, true: bool
):
    deleted = CaseRow({"p": "2020-01-01"}, type="household", deleted=True)
    rows = [
        CaseRow(),
        CaseRow(indices={"parent": (2, "child"), "host": (2, "extension")}),
        deleted,
    ]
    assert found(session, project, rule(criterion), rows) == [true, true, False]


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("2017-01-15", "2017-01-15"),
        ("2017-01-15T23:59:59Z", "2017-01-15"),
        ("2017-01-15T00:30:00.000+14:00", "2017-01-15"),
        ("2017-01-15 and more", "2017-01-15"),
        ("2017-01-15T", "2017-01-15"),
        ("2016-02-29", "2016-02-29"),
        ("2000-02-29", "2000-02-29"),
        ("0001-01-01", "0001-01-01"),
        ("9999-12-31", "9999-12-31"),
        ("2017-02-29", None),
        ("1900-02-29", None),
        ("2017-02-30", None),
        ("2017-04-31", None),
        ("2017-13-01", None),
        ("2017-00-10", None),
        ("2017-01-00", None),
        ("2017-01-32", None),
        ("0000-01-01", None),
        ("15/01/2017", None),
        ("20170115", None),
        ("2017-1-5", None),
        ("2017-01-1", None),
        (" 2017-01-15", None),
        ("2017-01-15+05:00", None),
        ("2017-01-15\n", None),
        ("2017-01-15\t", None),
        ("2017-01-15t10:00", None),
        ("2017-01-155", None),
        ("2017-01-15Z", None),
        ("+2017-01-15", None),
        ("-2017-01-15", None),
        ("12017-01-15", None),
        ("２０１７-01-15", None),
        ("2017‐01‐15", None),
        ("tomorrow", None),
        ("now", None),
        ("2457768.5", None),
        ("2017-W03-7", None),
        ("2017-015", None),
        ("", None),
        (" ", None),
    ],
)
def test_dates(session: Session, project: Project, text: str, read_as: str | None):
    """A text that is a date is on exactly one side of the day, else of none."""
    day = date(2017, 1, 15) if read_as is None else date.fromisoformat(read_as)
    moment = Moment(MOMENT, day)
    for operator, true in (
        ("before", False),
        ("on_or_before", True),
        ("after", False),
        ("on_or_after", True),
    ):
        criterion = DateIs(parse_reference("p"), operator)
        expected = [text] if true and read_as is not None else []
        assert matching_values(session, project, criterion, [text], moment) == expected


@pytest.mark.parametrize(
    ("operator", "days", "true_for"),
    [
        ("before", 0, ["2026-03-02"]),
        ("on_or_before", 0, ["2026-03-01", "2026-03-02"]),
        ("after", 0, ["2026-02-28"]),
        ("on_or_after", 0, ["2026-02-28", "2026-03-01"]),
        ("after", 1, []),
        ("on_or_after", 1, ["2026-02-28"]),
        ("before", -1, []),
        ("on_or_before", -1, ["2026-03-02"]),
        ("after", -1, ["2026-02-28", "2026-03-01"]),
        ("after", 60, []),
        ("before", 60, ["2026-02-28", "2026-03-01", "2026-03-02"]),
        ("before", 36500, ["2026-02-28", "2026-03-01", "2026-03-02"]),
        ("after", -36500, ["2026-02-28", "2026-03-01", "2026-03-02"]),
    ],
)
def test_today_is_the_subject(
    session: Session, project: Project, operator: str, days: int, true_for: list[str]
):
    values: list[str | None] = ["2026-02-28", "2026-03-01", "2026-03-02"]
    criterion = DateIs(parse_reference("p"), operator, days)
    assert matching_values(session, project, criterion, values) == true_for


def test_the_example_of_the_specification(session: Session, project: Project):
    criterion = DateIs(parse_reference("edd"), "after", 60)
    row = CaseRow({"edd": "2026-01-01"})
    for day, true in ((date(2026, 3, 2), False), (date(2026, 3, 3), True)):
        assert found(session, project, rule(criterion), [row], Moment(MOMENT, day)) == [true]


@pytest.mark.parametrize(
    ("operator", "days", "text", "true"),
    [
        ("before", 1, "9999-12-31", False),
        ("before", 1, "9999-12-30", True),
        ("on_or_before", 36500, "9999-12-30", False),
        ("after", -1, "0001-01-01", False),
        ("after", -1, "0001-01-02", True),
        ("on_or_after", -36500, "0001-01-02", False),
        ("before", 0, "9999-12-31", True),
        ("after", 0, "0001-01-01", True),
    ],
)
def test_a_shift_out_of_the_calendar_is_not_true(  # noqa: PLR0917  # fixtures and parameters
    session: Session, project: Project, operator: str, days: int, text: str, true: bool
):
    criterion = DateIs(parse_reference("p"), operator, days)
    assert matching_values(session, project, criterion, [text]) == ([text] if true else [])


@pytest.mark.parametrize("day", [date(1, 1, 1), date(9999, 12, 31)])
@pytest.mark.parametrize("days", [-36500, -1, 0, 1, 36500])
def test_today_at_the_ends_of_the_calendar(
    session: Session, project: Project, day: date, days: int
):
    values: list[str | None] = ["0001-01-01", "0001-01-02", "2026-03-01", "9999-12-31"]
    for operator in ("before", "on_or_before", "after", "on_or_after"):
        criterion = DateIs(parse_reference("p"), operator, days)
        matching_values(session, project, criterion, values, Moment(MOMENT, day))


NUMBERS: list[str | None] = [
    "-0.5",
    "-0",
    "0",
    "0.0",
    "000000000000001",
    "1",
    " 1\n",
    "1.000000000000001",
    "9.99",
    "10",
    "10.0",
    "11.5",
    "999999999999999.999999999999999",
    "-999999999999999.999999999999999",
    # None of these is a number.
    None,
    "",
    " ",
    "-",
    "--1",
    "- 1",
    "+1",
    "1.",
    ".5",
    "1.2.3",
    "1e3",
    "1,5",
    "0x10",
    "1 000",
    "Infinity",
    "NaN",
    "１",
    "1\xa0",
    "1000000000000000",
    "0.0000000000000001",
    "½",
    "1-1",
    "[1]",
    "ten",
]


@pytest.mark.parametrize(
    ("operator", "wanted", "true_for"),
    [
        ("less_than", "0", ["-0.5", "-999999999999999.999999999999999"]),
        (
            "at_most",
            "0",
            ["-0.5", "-0", "0", "0.0", "-999999999999999.999999999999999"],
        ),
        ("greater_than", "10", ["11.5", "999999999999999.999999999999999"]),
        ("at_least", "10.00", ["10", "10.0", "11.5", "999999999999999.999999999999999"]),
        (
            "greater_than",
            "1",
            [
                "1.000000000000001",
                "9.99",
                "10",
                "10.0",
                "11.5",
                "999999999999999.999999999999999",
            ],
        ),
        ("less_than", "-0.5", ["-999999999999999.999999999999999"]),
        ("at_most", "-0.5", ["-0.5", "-999999999999999.999999999999999"]),
        ("less_than", "-999999999999999.999999999999999", []),
        ("at_least", "999999999999999.999999999999999", ["999999999999999.999999999999999"]),
    ],
)
def test_numbers(
    session: Session, project: Project, operator: str, wanted: str, true_for: list[str]
):
    criterion = NumberIs(parse_reference("p"), operator, wanted)
    assert matching_values(session, project, criterion, NUMBERS) == true_for


def test_numbers_above_a_negative_one(session: Session, project: Project):
    every = [text for text in NUMBERS[:14] if text is not None]
    for operator, wanted, missing in (
        ("greater_than", "-0.5", {"-0.5", "-999999999999999.999999999999999"}),
        ("at_least", "-0.5", {"-999999999999999.999999999999999"}),
    ):
        criterion = NumberIs(parse_reference("p"), operator, wanted)
        expected = [text for text in every if text not in missing]
        assert matching_values(session, project, criterion, NUMBERS) == expected


def test_not_modified_since_is_strict(session: Session, project: Project):
    rows = [
        CaseRow(server_modified_on=MOMENT - 30 * DAY - 1),
        CaseRow(server_modified_on=MOMENT - 30 * DAY),
        CaseRow(server_modified_on=MOMENT),
    ]
    assert found(session, project, rule(NotModifiedSince(30)), rows) == [True, False, False]
    assert found(session, project, rule(NotModifiedSince(0)), rows) == [True, True, False]


def test_any_has_no_hidden_filter(session: Session, project: Project):
    definition = rule(NotModifiedSince(30), property_is("equals", "x"), match=Match.ANY)
    rows = [
        CaseRow({"p": "x"}),
        CaseRow({"p": "y"}),
        CaseRow({"p": "y"}, server_modified_on=MOMENT - 31 * DAY),
    ]
    assert found(session, project, definition, rows) == [True, False, True]


def test_only_open_cases_of_the_type_are_looked_at(session: Session, project: Project):
    every = rule(match=Match.EVERY_CASE)
    any_of = rule(property_is("equals", "x"), property_is("has_no_value"), match=Match.ANY)
    rows = [
        CaseRow(),
        CaseRow(closed=True),
        CaseRow(deleted=True),
        CaseRow(type="Patient"),
        CaseRow(type=""),
    ]
    for definition in (every, any_of):
        assert found(session, project, definition, rows) == [True, False, False, False, False]


def test_another_project_is_another_world(session: Session, project: Project):
    from tests import factories

    other = factories.project()
    make_world(session, other.id, [CaseRow()])
    assert found(session, project, rule(match=Match.EVERY_CASE), [CaseRow()]) == [True]
    assert len(list(session.scalars(matching(other.id, rule(match=Match.EVERY_CASE), NOW)))) == 1


SYSTEM: Mapping[str, str] = {
    "name": "Élodie O'Neill",
    "case_name": "Élodie O'Neill",
    "case_type": "patient",
    "owner_id": "owner-9",
    "external_id": "EXT",
    "opened_on": "1969-12-31T23:59:59.999999Z",
    "date_opened": "1969-12-31T23:59:59.999999Z",
    "opened_by": "worker-1",
    "modified_on": "2026-03-01T12:00:00.000001Z",
    "last_modified": "2026-03-01T12:00:00.000001Z",
    "server_modified_on": "9999-12-31T23:59:59.999999Z",
}


@pytest.mark.parametrize("name", SYSTEM)
def test_system_names_are_the_attributes(session: Session, project: Project, name: str):
    row = CaseRow(
        {name: "a property of that name", "closed_on": "2020-01-01"},
        name=SYSTEM["name"],
        owner_id="owner-9",
        external_id="EXT",
        opened_on=-1,
        modified_on=MOMENT + 1,
        server_modified_on=253_402_300_799_999_999,
    )
    child = CaseRow(indices={"parent": (0, "child")}, type="child")
    assert found(session, project, rule(property_is("equals", SYSTEM[name], name=name)), [row]) == [
        True
    ]
    definition = Definition(
        "r",
        "child",
        Match.ALL,
        (property_is("equals", SYSTEM[name], name=f"parent/{name}"),),
        (Close(),),
    )
    assert found(session, project, definition, [row, child]) == [False, True]


@pytest.mark.parametrize("year", [1, 987, 1970, 2255, 9999])
def test_instants_as_text_are_exact_in_every_year(session: Session, project: Project, year: int):
    from datetime import UTC, datetime

    from webapp.clock import from_datetime

    instant = from_datetime(datetime(year, 12, 31, 23, 59, 59, 123_456, tzinfo=UTC))
    text = f"{year:04}-12-31T23:59:59.123456Z"
    row = CaseRow(opened_on=instant)
    criterion = property_is("equals", text, name="opened_on")
    assert found(session, project, rule(criterion), [row]) == [True]


def test_a_timestamp_is_read_as_its_utc_date(session: Session, project: Project):
    criterion = DateIs(parse_reference("opened_on"), "on_or_after")
    rows = [CaseRow(opened_on=MOMENT + 12 * 3_600_000_000 - 1), CaseRow(opened_on=MOMENT + DAY)]
    assert found(session, project, rule(criterion), rows) == [True, False]


def test_an_instant_that_is_not_there_has_no_value(session: Session, project: Project):
    rows = [CaseRow(), CaseRow({"closed_on": "2020-01-01"})]
    criterion = property_is("has_no_value", name="closed_on")
    assert found(session, project, rule(criterion), rows) == [True, True]


def test_references_are_chained_and_may_lead_to_closed_cases(session: Session, project: Project):
    rows = [
        CaseRow(indices={"parent": (1, "child")}),
        CaseRow(type="b", closed=True, indices={"x": (2, "extension")}),
        CaseRow({"p": "x"}, type="c", closed=True, indices={"parent": (3, "extension")}),
        CaseRow({"p": "y"}, type="d", indices={"parent": (0, "child")}),
    ]
    for name, value in (
        ("parent/host/p", "x"),
        ("parent/host/parent/p", "y"),
        ("parent/host/parent/parent/name", "Ana"),
        ("parent/host/parent/parent/parent/case_type", "b"),
    ):
        criterion = property_is("equals", value, name=name)
        assert found(session, project, rule(criterion), rows)[0], name


def test_a_chain_breaks_at_a_deleted_case(session: Session, project: Project):
    rows = [
        CaseRow(indices={"parent": (1, "child")}),
        CaseRow(type="b", deleted=True, indices={"parent": (2, "child")}),
        CaseRow({"p": "x"}, type="c"),
    ]
    criterion = property_is("has_value", name="parent/parent/p")
    assert found(session, project, rule(criterion), rows) == [False, False, False]


def test_the_host_is_that_of_the_smallest_identifier(session: Session, project: Project):
    rows = [
        CaseRow(
            indices={
                "b": (1, "extension"),
                "Z": (2, "extension"),
                "a": (3, "extension"),
                "A": (1, "child"),
                "é": (1, "extension"),
            }
        ),
        CaseRow({"p": "b"}, type="b"),
        CaseRow({"p": "Z"}, type="b"),
        CaseRow({"p": "a"}, type="b"),
    ]
    criterion = property_is("equals", "Z", name="host/p")
    assert found(session, project, rule(criterion), rows)[0]


def test_a_deleted_host_is_not_replaced_by_the_next(session: Session, project: Project):
    rows = [
        CaseRow(indices={"a": (1, "extension"), "b": (2, "extension")}),
        CaseRow({"p": "x"}, type="b", deleted=True),
        CaseRow({"p": "x"}, type="b"),
    ]
    assert not found(session, project, rule(property_is("has_value", name="host/p")), rows)[0]


@pytest.mark.parametrize(
    ("index", "parent", "true"),
    [
        ({"parent": (1, "child")}, CaseRow(type="b", closed=True), True),
        ({"parent": (1, "child")}, CaseRow(type="b"), False),
        ({"parent": (1, "extension")}, CaseRow(type="b", closed=True), False),
        ({"mother": (1, "child")}, CaseRow(type="b", closed=True), False),
        ({"parent": (1, "child")}, CaseRow(type="b", closed=True, deleted=True), False),
        ({}, CaseRow(type="b", closed=True), False),
    ],
)
def test_parent_closed(
    session: Session, project: Project, index: dict, parent: CaseRow, true: bool
):
    rows = [CaseRow(indices=index), parent]
    assert found(session, project, rule(ParentClosed()), rows)[0] is true


@pytest.mark.parametrize("name", ["a.b", "a-b", "_", "A1", "p" * 255, "size", "length"])
def test_every_name_that_is_allowed_can_be_read(session: Session, project: Project, name: str):
    rows = [CaseRow({name: "x"}), CaseRow({"a": "x"})]
    assert found(session, project, rule(property_is("equals", "x", name=name)), rows) == [
        True,
        name == "a",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Enter the name"),
        ("parent/", "Enter the name"),
        ("mother/p", "only “parent” or “host”"),
        ("parent/" * 6 + "p", "at most five"),
        ("1p", "starts with a letter"),
        ("p q", "starts with a letter"),
        ("é", "starts with a letter"),
        ("p'", "starts with a letter"),
        ('p"', "starts with a letter"),
        ("p\n", "starts with a letter"),
        ("p" * 256, "at most 255"),
    ],
)
def test_references_that_are_none(text: str, says: str):
    with pytest.raises(ValueError, match=says):
        parse_reference(text)
