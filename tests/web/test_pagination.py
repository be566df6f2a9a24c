"""Keyset pages: forward and back, nothing twice and nothing missed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Select, Subquery, literal, select, union_all
from sqlalchemy.orm import Session

from webapp.errors import Invalid
from webapp.web.pagination import Count, Page, capped_count, keyset_page


def table(data: list[tuple[int, int, str]]) -> Subquery:
    """A table made of the query itself, alike on both databases."""
    rows = (
        select(literal(at).label("at"), literal(id_).label("id"), literal(name).label("name"))
        for at, id_, name in data
    )
    return union_all(*rows).subquery("things")


def numbers(count: int) -> tuple[Select[Any], Any]:
    rows = table([(n, n, f"thing {n}") for n in range(1, count + 1)])
    return select(rows.c.name), rows.c.at


def last_words(page: Page[Any]) -> list[int]:
    return [int(row.split()[1]) for row in page.rows]


def test_pages_go_down_to_the_end_and_up_again_to_the_newest(session: Session) -> None:
    statement, at = numbers(7)
    first = keyset_page(session, statement, at, size=3)
    assert (last_words(first), first.newer) == ([7, 6, 5], None)
    second = keyset_page(session, statement, at, before=first.older, size=3)
    assert last_words(second) == [4, 3, 2]
    third = keyset_page(session, statement, at, before=second.older, size=3)
    assert (last_words(third), third.older) == ([1], None)
    back = keyset_page(session, statement, at, after=third.newer, size=3)
    assert (back.rows, back.newer, back.older) == (second.rows, second.newer, second.older)
    start = keyset_page(session, statement, at, after=back.newer, size=3)
    assert (last_words(start), start.newer) == ([7, 6, 5], None)


def test_going_back_fills_the_newest_page(session: Session) -> None:
    statement, at = numbers(7)
    assert last_words(keyset_page(session, statement, at, after="5", size=3)) == [7, 6, 5]


def test_rows_of_the_same_instant_are_told_apart_by_a_second_column(session: Session) -> None:
    rows = table([(n // 4, n, f"thing {n}") for n in range(10)])
    seen: list[int] = []
    before = None
    while True:
        page = keyset_page(
            session, select(rows.c.name), rows.c.at, rows.c.id, before=before, size=3
        )
        seen += last_words(page)
        before = page.older
        if before is None:
            break
    assert seen == list(range(9, -1, -1))


def test_several_columns_come_as_rows_with_their_names(session: Session) -> None:
    rows = table([(1, 1, "one"), (-2, 2, "minus two")])
    page = keyset_page(session, select(rows.c.id, rows.c.name), rows.c.at, size=1)
    assert (page.rows[0].id, page.rows[0].name, page.older) == (1, "one", "1")
    page = keyset_page(session, select(rows.c.id, rows.c.name), rows.c.at, before="1", size=1)
    assert (page.rows[0].name, page.newer) == ("minus two", "-2")


def test_an_empty_list_has_no_other_pages(session: Session) -> None:
    statement, at = numbers(1)
    page = keyset_page(session, statement.where(at > 5), at)
    assert (list(page.rows), page.newer, page.older) == ([], None, None)


@pytest.mark.parametrize(
    "cursor", ["", "x", "1.2", "1e9", "9" * 30, "٣", "9223372036854775808", "\0"]
)
def test_a_cursor_that_was_not_made_here_is_refused(session: Session, cursor: str) -> None:
    statement, at = numbers(1)
    with pytest.raises(Invalid):
        keyset_page(session, statement, at, before=cursor)


def test_before_and_after_together_are_refused(session: Session) -> None:
    statement, at = numbers(1)
    with pytest.raises(Invalid):
        keyset_page(session, statement, at, before="1", after="1")


def test_totals_are_exact_up_to_the_cap_and_more_than_it_above(session: Session) -> None:
    statement, at = numbers(5)
    assert capped_count(session, statement) == Count(5, more=False)
    assert capped_count(session, statement.order_by(at), cap=5) == Count(5, more=False)
    assert capped_count(session, statement, cap=4) == Count(4, more=True)
    assert capped_count(session, statement.where(at > 9)) == Count(0, more=False)
