"""Fresh submission ids stand in the order of their making, made one by one or in SQL."""

from __future__ import annotations

import uuid

from sqlalchemy import BigInteger, literal, select, union_all
from sqlalchemy.orm import Session

from webapp.clock import now
from webapp.submissions.ids import FreshId, new_id

#: From the first instant to the year 2262, with some in one millisecond.
INSTANTS = [0, 1, 999, 1_000, 1_763_722_144_000_000, 1_763_722_144_000_001, 9_214_646_400_999_999]


def test_they_are_uuids_of_version_7_in_the_order_of_their_instants(session: Session):
    in_sql = session.scalars(
        union_all(*(select(FreshId(literal(at - 1, BigInteger()) + 1)) for at in INSTANTS))
    ).all()
    for made in (in_sql, [new_id(at) for at in INSTANTS]):
        ids = [uuid.UUID(one) for one in made]
        assert [str(one) for one in ids] == made
        assert all(one.version == 7 and one.variant == uuid.RFC_4122 for one in ids)
        assert made == sorted(made)
        assert [one.int >> 80 for one in ids] == [at // 1000 for at in INSTANTS]
    # Millisecond and fraction say the same, however they were made; the rest is chance.
    assert [one[:18] for one in in_sql] == [new_id(at)[:18] for at in INSTANTS]
    assert {one[19:] for one in in_sql}.isdisjoint(new_id(at)[19:] for at in INSTANTS)


def test_without_an_instant_they_are_of_now():
    before = now()
    millis = uuid.UUID(new_id()).int >> 80
    assert before // 1000 <= millis <= now() // 1000
