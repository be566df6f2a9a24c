"""Jobs need a Redis beside the database, and forms to work on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from redis import Redis

from tests.redis import redis_url as redis_url  # a fixture


@pytest.fixture
def redis(app: Flask, redis_url: str) -> Iterator[Redis]:
    """An empty Redis, which the application uses during the test."""
    settings = app.extensions["settings"]
    connection = Redis.from_url(redis_url)
    connection.flushall()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(app.extensions, "jobs_redis", connection)
        patch.setitem(app.extensions, "settings", _with(settings, redis_url=redis_url))
        yield connection
    connection.close()


def _with(settings, **changes):
    from dataclasses import replace

    return replace(settings, **changes)
