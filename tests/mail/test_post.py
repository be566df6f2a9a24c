"""Letters leave by themselves, beside the tick (`python worker.py` as it runs in life)."""

from __future__ import annotations

from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.jobs.work import wait_until, worker_process
from tests.mail.post_office import PostOffice
from webapp.database import write_transaction
from webapp.mail import outbox
from webapp.projects.models import Project


def test_what_waits_is_sent_at_the_start(
    app: Flask, session: Session, project: Project, mailing: PostOffice, redis_url: str
):
    amina = factories.web_user(project, "admin")
    with write_transaction():
        outbox.post(session, project.id, subject="A run waits for you", body="Please look.")
    with worker_process(app, redis_url):
        wait_until(lambda: len(mailing.to(amina.email)) == 1)
