"""What happens in a programme: forms arrive, and people do things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.clock import Micros
from webapp.demo.programme import Sent
from webapp.people.kinds import UserKind
from webapp.projects.models import Project
from webapp.submissions.receive import Incoming, Sender


@dataclass(frozen=True, slots=True)
class Post:
    """A form that arrives; it is written when it does."""

    at: Micros
    sender: Sender
    incoming: Callable[[], Incoming]


#: What somebody does to a project.
Do = Callable[[Session, Project], object]


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody does in a transaction of its own. Done again, it changes nothing, or
    it takes a tick."""

    at: Micros
    do: Do


@dataclass(frozen=True, slots=True)
class Scene:
    """Something that takes transactions of its own, such as a night of rules. It is given the key
    of the project. Done again, it changes nothing."""

    at: Micros
    play: Callable[[int], object]


Event = Post | Act | Scene


def post(sent: Sent) -> Post:
    """A form that comes from its phone."""
    return Post(sent.at, Sender(sent.by.user_id, sent.by.username, UserKind.MOBILE), sent.incoming)
