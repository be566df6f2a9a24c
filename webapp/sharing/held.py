"""What a phone holds, as the phone sees it: its cases, their owners and indexes, what it purges
before it asks, and the hash by which it says so (SPEC P2, P4, P5)."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
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


def purged(cases: Mapping[int, HeldCase], owners: Collection[str]) -> set[int]:
    """The keys of those that stay on a phone when it purges: what SPEC P2 says, of the cases that
    it has. A case that points to one that it lacks goes, and what points to that one (the phone
    cannot tell what it belongs to). Some microseconds a case."""
    pointing: dict[int, list[int]] = defaultdict(list)
    for key, case in cases.items():
        for _, point in case.points:
            pointing[point.target].append(key)
    gone = _and_so_on({target for target in pointing if target not in cases}, pointing)
    there = {key: case for key, case in cases.items() if key not in gone}
    hosts = {key: _hosts(case) for key, case in there.items()}
    extensions: dict[int, list[int]] = defaultdict(list)
    for key, targets in hosts.items():
        if not there[key].closed:
            for target in targets:
                extensions[target].append(key)
    free = {key for key, case in there.items() if not case.closed and not hosts[key]}
    available = _and_so_on(free, extensions)
    live = {key for key in available if there[key].owner in owners}
    reached = list(live)
    while reached:
        key = reached.pop()
        near = [point.target for _, point in there[key].points] + extensions[key]
        for other in near:
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


def state_hash(case_ids: Iterable[str]) -> str:
    """The hash of a phone with these cases: the MD5s of their ids, all XORed, in hexadecimal."""
    state = 0
    for case_id in case_ids:
        digest = md5(case_id.encode(), usedforsecurity=False).digest()
        state ^= int.from_bytes(digest)
    return f"{state:032x}"


def packed(cases: Mapping[int, HeldCase]) -> bytes:
    """The cases as they are kept: some five bytes each, for a phone's keys lie close together and
    its owners are few."""
    keys = sorted(cases)
    owners = sorted({case.owner for case in cases.values()})
    names = sorted({name for case in cases.values() for name, _ in case.points})
    owner_at = {owner: place for place, owner in enumerate(owners)}
    name_at = {name: place for place, name in enumerate(names)}
    columns = [
        owners,
        names,
        [key - before for before, key in zip([0, *keys], keys, strict=False)],
        [owner_at[cases[key].owner] for key in keys],
        [int(cases[key].closed) for key in keys],
        [
            [
                value
                for name, (to, ext) in cases[key].points
                for value in (name_at[name], to, int(ext))
            ]
            for key in keys
        ],
    ]
    return zlib.compress(json.dumps(columns, separators=(",", ":")).encode(), 6)


def unpacked(content: bytes) -> Cases:
    """The inverse of `packed`."""
    owners, names, steps, owner_of, closed, points = json.loads(zlib.decompress(content))
    cases: Cases = {}
    key = 0
    for place, step in enumerate(steps):
        key += step
        numbers = iter(points[place])
        cases[key] = HeldCase(
            owners[owner_of[place]],
            bool(closed[place]),
            tuple(
                (names[name], Point(target, bool(extension)))
                for name, target, extension in zip(numbers, numbers, numbers, strict=True)
            ),
        )
    return cases
