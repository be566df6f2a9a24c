"""The programme's people as accounts. Nobody knows their passwords: there are none."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.clock import pretend
from webapp.demo import hours
from webapp.demo.office import actor
from webapp.demo.programme import Programme
from webapp.demo.staff import MANAGER, OFFICE
from webapp.people.models import Membership, MobileWorker, WebUser
from webapp.people.operations import add_member, create_web_user, create_worker
from webapp.projects.models import Project


def add_people(session: Session, project: Project, programme: Programme, *, by: Actor) -> None:
    """The office, then the promoters, each on the day before their training. Those who are there
    already are left alone."""
    began = programme.first - timedelta(days=14)
    with pretend(hours.instant(began, 600)):
        for person in OFFICE:
            user = session.scalar(select(WebUser).where(WebUser.email == person.email))
            if user is None:
                user = create_web_user(session, person.email, None, by=by, user_id=person.user_id)
            if session.get(Membership, (project.id, user.id)) is None:
                add_member(session, project, user, person.role, by=by)
    there = set(
        session.scalars(select(MobileWorker.username).where(MobileWorker.project_id == project.id))
    )
    for one in programme.promoters:
        if one.username not in there:
            first, _blank, last = one.name.partition(" ")
            with pretend(hours.instant(one.begins - timedelta(days=2), 660 + one.number)):
                create_worker(
                    session,
                    project,
                    one.username,
                    None,
                    first_name=first,
                    last_name=last,
                    user_data={"village": one.village.name, "ward": one.village.ward},
                    by=actor(MANAGER),
                    user_id=one.user_id,
                )
