"""Making the demonstration project: its two years, as if they had been lived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.cases.models import Case
from webapp.clock import Micros, last_tick, pretend
from webapp.database import write_transaction
from webapp.demo import app_forms, hours, marks
from webapp.demo.dictionary import describe_data
from webapp.demo.events import Act, Event, Post, Scene, post
from webapp.demo.marks import Begun
from webapp.demo.mishaps import mishaps
from webapp.demo.nights import HOUR, finish_jobs, nights
from webapp.demo.office import office
from webapp.demo.organization import organize
from webapp.demo.people import add_people
from webapp.demo.places import ZONE
from webapp.demo.programme import Programme, Size
from webapp.jobs.statistics import count_what_has_grown
from webapp.people.models import MobileWorker
from webapp.projects.models import Project
from webapp.projects.operations import set_project
from webapp.submissions.models import Submission
from webapp.submissions.receive import Arrival
from webapp.submissions.receive_many import Timed, receive_many

NAME = "demo"
TITLE = "Gem Maternal Health"
SEED = 1
SETTINGS = {"title": TITLE, "timezone": ZONE, "hour": HOUR}
TWO_YEARS = Size()

#: Forms that are received in one transaction: some tenths of a second in which nobody else writes
#: to SQLite.
_AT_ONCE = 250

#: More than the ticks that an event takes.
_APART: Micros = 1_000

#: Is told how many more events are done.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """What there is now."""

    project_id: int
    name: str
    workers: int
    cases: int
    forms: int


class Demo:
    """A demonstration project that is being made: `Demo.begin`, then `play`.

    What is broken off is taken up again where it ended: the same seed makes the same events, and
    what came before the project's last tick is done.
    """

    def __init__(self, begun: Begun, size: Size, by: Actor) -> None:
        self.begun = begun
        self._by = by
        self._programme = Programme(begun.seed, begun.until, size)
        self.events = timeline(self._programme)

    @classmethod
    def begin(
        cls, name: str = NAME, *, seed: int = SEED, size: Size | None = None, by: Actor
    ) -> Demo:
        """Mark the project, make it if need be, and think out what happens in it: some seconds.

        Raises `Refused` for a project that has been used already.
        """
        with write_transaction() as session:
            begun = marks.begin(session, name, title=TITLE, seed=seed, by=by)
        return cls(begun, size or TWO_YEARS, by)

    def play(self, progress: Progress = lambda _done: None) -> Made:
        """Let everything happen: some 20 seconds of work. Nobody else should use the project
        meanwhile."""
        project_id = self.begun.project_id
        with write_transaction() as session:
            project = session.get_one(Project, project_id)
            done = last_tick(session, project_id)
            if not done:
                self._set_up(session, project)
        with pretend(done):
            finish_jobs(project_id)
        posts: list[Post] = []
        for event in self.events:
            if event.at <= done:
                progress(1)
            elif isinstance(event, Post):
                posts.append(event)
                if len(posts) == _AT_ONCE:
                    self._receive(posts, progress)
                    posts = []
            else:
                self._receive(posts, progress)
                posts = []
                self._do(event, progress)
        self._receive(posts, progress)
        return self._end()

    def _set_up(self, session: Session, project: Project) -> None:
        began = hours.instant(self._programme.first - timedelta(days=20), 600)
        with pretend(began):
            set_project(session, project, SETTINGS, by=self._by)
            describe_data(session, project.id, by=self._by)
        add_people(session, project, self._programme, by=self._by)
        organize(session, project, self._programme)

    def _receive(self, posts: Sequence[Post], progress: Progress) -> None:
        if not posts:
            return
        forms = [
            Timed(one.at, Arrival(one.incoming(), one.sender, app_id=app_forms.APP_ID))
            for one in posts
        ]
        with write_transaction() as session:
            receive_many(session, self.begun.project_id, forms)
        with write_transaction() as session:
            count_what_has_grown(session)
        progress(len(posts))

    def _do(self, event: Act | Scene, progress: Progress) -> None:
        with pretend(event.at):
            if isinstance(event, Scene):
                event.play(self.begun.project_id)
            else:
                with write_transaction() as session:
                    event.do(session, session.get_one(Project, self.begun.project_id))
        progress(1)

    def _end(self) -> Made:
        with write_transaction() as session:
            numbers = (
                _count(session, table, self.begun.project_id)
                for table in (MobileWorker, Case, Submission)
            )
            made = Made(self.begun.project_id, self.begun.name, *numbers)
            marks.end(session, self.begun, cases=made.cases, forms=made.forms, by=self._by)
        return made


def timeline(programme: Programme) -> list[Event]:
    """Everything that happens until the programme's last instant, in order, each a little after the
    one before: so the project's last tick tells which were done."""
    events: list[Event] = [post(sent) for sent in programme.sent]
    events += [*mishaps(programme), *office(programme), *nights(programme)]
    told: list[Event] = []
    at = 0
    for event in sorted(events, key=lambda event: event.at):
        at = max(event.at, at + _APART)
        if at >= programme.until:
            break
        told.append(event if event.at == at else replace(event, at=at))
    return told


def _count(session: Session, table: type[MobileWorker | Case | Submission], project_id: int) -> int:
    counted = select(func.count()).select_from(table).where(table.project_id == project_id)
    return session.scalar(counted) or 0
