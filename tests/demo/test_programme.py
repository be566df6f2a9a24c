"""What the demonstration makes up is the same each time, and looks like a programme."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from webapp.clock import DAY, HOUR, Micros, from_datetime, to_datetime
from webapp.demo import app_forms
from webapp.demo.build import TWO_YEARS, timeline
from webapp.demo.events import Post
from webapp.demo.places import ZONE
from webapp.demo.programme import Programme, Size
from webapp.submissions.receive import read

UNTIL = from_datetime(datetime(2026, 11, 20, 9, 30, tzinfo=UTC))
SMALL = Size(promoters=5, days=150)


@pytest.fixture(scope="module")
def programme() -> Programme:
    """The two years of all sixty."""
    return Programme(1, UNTIL, TWO_YEARS)


def local(at: Micros) -> datetime:
    return to_datetime(at).astimezone(ZoneInfo(ZONE))


def test_a_seed_makes_the_same_forms_each_time():
    one, other = (timeline(Programme(7, UNTIL, SMALL)) for _ in range(2))
    assert [event.at for event in one] == [event.at for event in other]
    for here, there in zip(one, other, strict=True):
        if isinstance(here, Post) and isinstance(there, Post):
            assert (here.sender, here.incoming()) == (there.sender, there.incoming())
    another = Programme(8, UNTIL, SMALL)
    assert {sent.xml() for sent in another.sent}.isdisjoint(
        event.incoming().xml for event in one if isinstance(event, Post)
    )


def test_it_is_as_large_as_it_says(programme: Programme):
    opened = Counter(
        block.create["case_type"]
        for sent in programme.sent
        for block in sent.done.filled.blocks
        if block.create
    )
    assert set(opened) == {"household", "pregnancy", "referral"}
    assert 4_500 < sum(opened.values()) < 5_500
    assert 18_000 < len(programme.sent) < 22_000
    assert len({one.username for one in programme.promoters}) == 60
    assert {one.by.user_id for one in programme.sent} == {
        one.user_id for one in programme.promoters
    }


def test_people_work_by_day_on_weekdays_and_not_at_christmas(programme: Programme):
    ended = [local(sent.done.ended) for sent in programme.sent]
    assert {moment.hour for moment in ended} <= set(range(7, 18))
    weekend = sum(moment.weekday() >= 5 for moment in ended) / len(ended)
    assert 0.005 < weekend < 0.08
    by_day = Counter(moment.date() for moment in ended)
    assert by_day[date(2025, 12, 25)] < 5 < by_day[date(2026, 10, 7)]


def test_forms_arrive_after_they_were_filled_in_some_days_later(programme: Programme):
    late = [sent.at - sent.done.ended for sent in programme.sent]
    assert min(late) > 0
    assert sum(one < HOUR for one in late) > 0.4 * len(late)
    assert 0.02 < sum(one > 3 * DAY for one in late) / len(late) < 0.2
    assert all(
        first.at <= then.at < UNTIL
        for first, then in zip(programme.sent, programme.sent[1:], strict=False)
    )
    for one in programme.promoters:
        theirs = [sent.done.ended for sent in programme.sent if sent.by is one]
        assert theirs == sorted(theirs)  # a phone sends in the order of its forms


def test_texts_that_nobody_checks_are_partly_wrong(programme: Programme):
    def typed(kind: object, name: str) -> list[str]:
        return [
            sent.done.filled.blocks[0].update[name]
            for sent in programme.sent
            if sent.done.filled.kind == kind
        ]

    for kind, name, right in (
        (app_forms.REGISTER_PREGNANCY, "edd", r"\d{4}-\d\d-\d\d"),
        (app_forms.ANC_VISIT, "weight", r"\d+\.\d"),
        (app_forms.REGISTER_HOUSEHOLD, "phone", r"\+254\d{9}"),
    ):
        values = typed(kind, name)
        wrong = [one for one in values if not _fits(right, one)]
        assert 0.01 < len(wrong) / len(values) < 0.15, name
    assert (
        1 <= sum(len(one) > 255 for one in typed(app_forms.REGISTER_PREGNANCY, "anc_number")) < 30
    )


def _fits(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text) is not None


def test_every_form_is_read_as_it_was_meant(programme: Programme):
    for sent in programme.sent[::23]:
        assert read(sent.xml()) == sent.incoming()
