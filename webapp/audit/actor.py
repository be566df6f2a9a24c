"""Who does something, and from where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or the server itself: the id that forms carry, the name as people know it, and
    where it came from (an address, `command line`, `job 12`)."""

    user_id: str
    name: str
    source: str

    @classmethod
    def command_line(cls) -> Actor:
        """Whoever has a shell on the server."""
        return cls("", "command line", "command line")

    @classmethod
    def system(cls, source: str) -> Actor:
        """The server itself; `source` is what in it: `job 12`, `first start`."""
        return cls("system", "system", source)
