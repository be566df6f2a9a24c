"""Owners whom no phone has: how many open cases they have, which are on no phone for their sake."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.errors import TooSlow
from webapp.people.owners import Owner, owners_of
from webapp.sharing.phone_changes import LIMIT_S, open_cases_of
from webapp.time_limit import time_limit


@dataclass(frozen=True, slots=True)
class Astray:
    """Those of them who have open cases, with how many, most first. Without `counted`, that these
    could not be counted in time."""

    owners: tuple[tuple[Owner, int], ...] = ()
    counted: bool = True

    @property
    def cases(self) -> int:
        """How many open cases it is in all."""
        return sum(cases for _owner, cases in self.owners)


def astray(
    session: Session, project_id: int, owners: Collection[str], *, limit_s: float = LIMIT_S
) -> Astray:
    """What becomes of the cases of these owners. Two queries a thousand owners, which read their
    cases; given up after `limit_s` seconds, so not for a transaction that writes."""
    if not owners:
        return Astray()
    try:
        with time_limit(session, limit_s, "") as limit:
            cases = open_cases_of(session, project_id, owners, limit)
            limit.renew()
            known = owners_of(session, project_id, list(cases))
    except TooSlow:
        return Astray(counted=False)
    found = [(known[one], number) for one, number in cases.items() if one in known]
    return Astray(tuple(sorted(found, key=lambda one: (-one[1], one[0].name, one[0].owner_id))))
