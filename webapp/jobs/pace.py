"""How much is done in one transaction: sized by time, not by number.

What counts is how long others wait. From taking the tick to the commit a transaction keeps all
other writers of its project out (on SQLite all writers from its beginning). So while people write,
chunks are short; while nobody does, as at night, they are longer, and cost less for each thing. The
first who waits ends that: at most one write in a while meets a long chunk.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

#: Seconds from tick to commit, by dialect, while people write; and how many times as long they may
#: be when nobody has waited for a chunk during the last seconds.
TARGETS_S = {"postgresql": 0.010, "sqlite": 0.020}
ALONE = 5
CALM_S = 10.0
#: The first chunk, and the bounds of all.
FIRST = 20
LEAST = 20
MOST = 5000


@dataclass(slots=True)
class Pace:
    """`size` is how many things the next chunk may have."""

    target_s: float
    #: Whether others wait from the beginning of a transaction on, and not only from its tick.
    from_beginning: bool = False
    size: int = FIRST
    _began: float | None = None
    _took: float | None = None
    #: When it counts again as being alone.
    _calm_from: float = 0.0

    @classmethod
    def on(cls, dialect: str) -> Pace:
        """The pace for a database, at its beginning."""
        return cls(TARGETS_S[dialect], dialect == "sqlite", min(max(FIRST, LEAST), MOST))

    def opened(self) -> None:
        """A transaction has begun."""
        if self.from_beginning:
            self.begin()

    def begin(self) -> None:
        """A chunk begins to keep others out: it takes its tick next."""
        if self._began is None:
            self._began = time.perf_counter()

    def written(self, *, awaited: bool) -> None:
        """All of the chunk is written, and is committed next; `awaited` by somebody or not. What
        the disk takes for that is not counted: it is the same for any chunk, so smaller ones would
        only make everybody wait more often."""
        at = time.perf_counter()
        if awaited:
            self._calm_from = at + CALM_S
        if self._began is not None:
            self._took = max(at - self._began, 1e-6)

    def committed(self) -> None:
        """The chunk is committed: the next one is as much larger or smaller as it was too fast or
        too slow, but at most twice as large, for a first one may have been easy."""
        if self._took is not None:
            alone = time.perf_counter() >= self._calm_from
            change = min(self.target_s * (ALONE if alone else 1) / self._took, 2.0)
            self.size = min(max(int(self.size * change), LEAST), MOST)
        self._began = self._took = None

    def rolled_back(self) -> None:
        """The chunk came to nothing."""
        self._began = self._took = None
