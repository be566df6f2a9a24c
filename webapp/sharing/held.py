"""What a phone holds, as the phone sees it: its cases, their owners and indexes, what it purges
before it asks, and the hash by which it says so (SPEC P2, P4, P5)."""

from __future__ import annotations

import json
import sys
import zlib
from collections import defaultdict
from collections.abc import Collection, Mapping
from hashlib import md5
from typing import NamedTuple


class Point(NamedTuple):
    """Where an index of a case points: a key of `cases`."""

    target: int
    extension: bool


class HeldCase(NamedTuple):
    """A case as a phone holds it. `points` are by identifier."""

    owner: str
    closed: bool
    points: tuple[tuple[str, Point], ...] = ()


#: By key of `cases`.
Cases = dict[int, HeldCase]


class HeldCases:
    """Makes `HeldCase`s, of those without indexes one for all that are alike: a phone may have
    many thousands."""

    def __init__(self) -> None:
        self._plain: dict[tuple[str, bool], HeldCase] = {}

    def held(self, owner: str, *, closed: bool, points: tuple[tuple[str, Point], ...]) -> HeldCase:
        """One that is so."""
        owner = sys.intern(owner)
        if points:
            return HeldCase(owner, closed, points)
        return self._plain.setdefault((owner, closed), HeldCase(owner, closed))


def purged(cases: Mapping[int, HeldCase], owners: Collection[str]) -> set[int]:
    """The keys of those that stay on a phone when it purges: what SPEC P2 says, of the cases that
    it has. A case that points to one that it lacks goes, and what points to that one (the phone
    cannot tell what it belongs to). Some microseconds a case."""
    pointing: dict[int, list[int]] = defaultdict(list)
    for key, case in cases.items():
        for _, point in case.points:
            pointing[point.target].append(key)
    gone = _and_so_on({target for target in pointing if target not in cases}, pointing)
    extensions: dict[int, list[int]] = defaultdict(list)
    free: set[int] = set()
    for key, case in cases.items():
        if case.closed or key in gone:
            continue
        hosts = _hosts(case)
        for host in hosts:
            extensions[host].append(key)
        if not hosts:
            free.add(key)
    available = _and_so_on(free, extensions)
    live = {key for key in available if cases[key].owner in owners}
    reached = list(live)
    while reached:
        key = reached.pop()
        near = [point.target for _, point in cases[key].points]
        for other in (*near, *extensions.get(key, ())):
            if other not in live:
                live.add(other)
                reached.append(other)
    return live


def _and_so_on(first: set[int], ways: Mapping[int, list[int]]) -> set[int]:
    """These and all to which the ways lead from them."""
    found, reached = set(first), list(first)
    while reached:
        for other in ways.get(reached.pop(), ()):
            if other not in found:
                found.add(other)
                reached.append(other)
    return found


def _hosts(case: HeldCase) -> set[int]:
    """What a case extends: with a child index to the same target an extension does not count."""
    if not case.points:
        return _NONE
    parents = {point.target for _, point in case.points if not point.extension}
    return {point.target for _, point in case.points if point.extension} - parents


_NONE: set[int] = set()


class StateHash:
    """The hash by which a phone says what it has: the MD5s of its case ids, all XORed."""

    def __init__(self) -> None:
        self._state = 0

    def add(self, case_id: str) -> None:
        """One more case."""
        digest = md5(case_id.encode(), usedforsecurity=False).digest()
        self._state ^= int.from_bytes(digest)

    def __str__(self) -> str:
        """In hexadecimal."""
        return f"{self._state:032x}"


def packed(cases: Mapping[int, HeldCase]) -> bytes:
    """The cases as they are kept: some five bytes each, for a phone's keys lie close together and
    its owners are few. A line with the owners and the names of indexes, then one for each case: how
    far its key is from the one before, the place of its owner, whether it is closed, and three
    numbers for each index."""
    owners = sorted({case.owner for case in cases.values()})
    names = sorted({name for case in cases.values() for name, _ in case.points})
    owner_at = {owner: place for place, owner in enumerate(owners)}
    name_at = {name: place for place, name in enumerate(names)}
    pack = zlib.compressobj(6)
    pieces = [pack.compress(json.dumps([owners, names]).encode())]
    before = 0
    for key in sorted(cases):
        case = cases[key]
        numbers = [key - before, owner_at[case.owner], int(case.closed)]
        for name, (target, extension) in case.points:
            numbers += [name_at[name], target, int(extension)]
        pieces.append(pack.compress(b"\n" + " ".join(map(str, numbers)).encode()))
        before = key
    return b"".join([*pieces, pack.flush()])


def unpacked(content: bytes) -> Cases:
    """The inverse of `packed`."""
    lines = iter(zlib.decompress(content).decode().split("\n"))
    owners, names = json.loads(next(lines))
    make = HeldCases()
    cases: Cases = {}
    key = 0
    for line in lines:
        step, owner, closed, *points = map(int, line.split())
        key += step
        numbers = iter(points)
        cases[key] = make.held(
            owners[owner],
            closed=bool(closed),
            points=tuple(
                (names[name], Point(target, bool(extension)))
                for name, target, extension in zip(numbers, numbers, numbers, strict=True)
            ),
        )
    return cases
