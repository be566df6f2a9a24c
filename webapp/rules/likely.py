"""Which name was probably meant by one that nothing has (SPEC R31)."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import cached_property
from heapq import nlargest
from itertools import pairwise

from webapp.rules.references import SYSTEM

#: Only a name that is so much alike (`difflib`), and of many names only these are compared: those
#: that share most letters and pairs of letters.
ALIKE, COMPARED = 0.65, 60
#: A part of a name with so many characters tells something.
SHORT = 3


class LikelyNames:
    """Some names, commonest first, and the system's. Made once for all that is looked for among
    them: comparing a name with two thousand others takes a tenth of a second."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(dict.fromkeys([*names, *SYSTEM]))
        self._all = frozenset(self._names)
        self._by_lower = {name.lower(): name for name in self._names}

    def likely(self, typed: str, *, parts: bool = True) -> str | None:
        """The one that was probably meant, and none for one of them; with `parts` also one that is
        the beginning or the end of what was typed, or the other way round."""
        if typed in self._all:
            return None
        lower = typed.lower()
        near = self._near(lower)
        alike = _closest(typed, near)
        if alike is None:
            by_lower = {name.lower(): name for name in near}
            found = _closest(lower, by_lower)
            alike = by_lower[found] if found else None
        if alike is not None:
            return alike
        if parts:
            for name, as_written in self._by_lower.items():
                if _is_part(name, lower) or _is_part(lower, name):
                    return as_written
        return None

    def _near(self, lower: str) -> list[str]:
        """The names that it is compared with, in their order, or the nearest first."""
        if len(self._names) <= COMPARED:
            return self._names
        own = _pieces(lower)
        shared = [
            len(own & pieces) / (len(own) + len(pieces) or 1) for pieces in self._pieces_of_names
        ]
        places = range(len(shared))
        nearest = nlargest(COMPARED, places, key=shared.__getitem__)
        return [self._names[place] for place in nearest]

    @cached_property
    def _pieces_of_names(self) -> list[frozenset[str]]:
        return [_pieces(name.lower()) for name in self._names]


def _pieces(text: str) -> frozenset[str]:
    """The letters of a text, and its pairs of letters."""
    return frozenset([*text, *map("".join, pairwise(text))])


def _closest(typed: str, names: Iterable[str]) -> str | None:
    """The one that is most alike; of several the first."""
    matcher, best, closest = SequenceMatcher(b=typed), 0.0, None
    for name in names:
        matcher.set_seq1(name)
        for ratio in (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio):
            if (alike := ratio()) < ALIKE or alike <= best:
                break
        else:
            best, closest = alike, name
    return closest


def _is_part(short: str, long: str) -> bool:
    """Whether a name is the beginning or the end of another, as `edd` is of `edd_date`."""
    return len(short) >= SHORT and (long.startswith(short) or long.endswith(short))
