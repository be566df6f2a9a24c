"""What was found out of a database and is kept for a while, in this process only."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.orm import Session

T = TypeVar("T")


class Kept(Generic[T]):
    """Values by their keys, for each database apart; of more than `most` the oldest go."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._of: WeakKeyDictionary[Engine, dict[Hashable, tuple[float, T]]] = WeakKeyDictionary()

    def get(self, session: Session, key: Hashable) -> T | None:
        """What was kept, as long as it is."""
        until, value = self._values(session).get(key, (0.0, None))
        return value if time.monotonic() < until else None

    def keep(self, session: Session, key: Hashable, value: T, seconds: float) -> T:
        """Keep a value, and give it back."""
        values = self._values(session)
        values.pop(key, None)  # the newest are the last
        values[key] = (time.monotonic() + seconds, value)
        for old in list(values)[: -self._most]:
            values.pop(old, None)
        return value

    def _values(self, session: Session) -> dict[Hashable, tuple[float, T]]:
        return self._of.setdefault(session.get_bind().engine, {})
