"""Which of many forms cannot be archived or restored together (SPEC A5): told without a database,
so that what is said before and what is done agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from webapp.clock import Micros


class Going(NamedTuple):
    """A form that is to be switched: its key, its place in the order of replay, and its cases, each
    with whether it was not there when the form was last applied."""

    form: int
    received_on: Micros
    cases: Sequence[tuple[int, bool]]


def left_by_archive(forms: Iterable[Going], newest: dict[int, Micros]) -> set[int]:
    """The keys of those that cannot be archived, where the forms come newest first: they opened a
    case which a later form touched that stays.

    `newest` has, by case, when the newest of the live forms was received that are not to go; those
    that stay all the same are added.
    """
    left = set()
    for form in forms:
        if any(opened and newest.get(case, 0) > form.received_on for case, opened in form.cases):
            left.add(form.form)
            for case, _opened in form.cases:
                newest[case] = max(newest.get(case, 0), form.received_on)
    return left


def left_by_restore(
    forms: Iterable[Going], oldest: dict[int, Micros], openers: dict[int, Micros]
) -> set[int]:
    """The keys of those that cannot be restored, where the forms come oldest first: a case of
    theirs has no live form in front of them, but an archived one that opened it.

    `oldest` has, by case, when the oldest of the live forms was received; those that are restored
    are added. `openers` has the same of the archived forms that opened it.
    """
    left = set()
    for form in forms:
        at = form.received_on
        if any(
            not opened and oldest.get(case, at) >= at and openers.get(case, at) < at
            for case, opened in form.cases
        ):
            left.add(form.form)
            continue
        for case, _opened in form.cases:
            oldest[case] = min(oldest.get(case, at), at)
    return left
