"""A command in a terminal wakes the workers of the instance that runs on its data folder."""

from __future__ import annotations

import subprocess
import time

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy.orm import Session

from tests.jobs.work import reprocess_job
from webapp.config import Settings
from webapp.embedded.redis_server import answers, redis_for
from webapp.jobs.queue import queue_of, wake
from webapp.projects.models import Project
from webapp.redis_socket import redis_folder


def test_no_redis_url_is_needed_beside_a_running_instance(
    app: Flask, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    settings: Settings = app.extensions["settings"]
    assert not settings.redis_url
    monkeypatch.delitem(app.extensions, "jobs_redis", raising=False)
    job = reprocess_job(project)
    assert not wake(job)
    with (
        redis_for(redis_folder(settings.data), "") as own,
        subprocess.Popen(own.command or []) as server,
    ):
        try:
            until = time.monotonic() + 10
            while not answers(own.url):
                assert time.monotonic() < until
                time.sleep(0.02)
            assert wake(job)
            with Redis.from_url(own.url) as connection:
                assert queue_of(connection).get_job_ids() == [f"reprocess-{job.id}-0"]
        finally:
            server.kill()
    assert not wake(job)  # what a killed instance left is no reason to fail
    app.extensions.pop("jobs_redis").close()
