"""Jobs need a Redis beside the database, and forms to work on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from redis import Redis

from tests.redis import redis_server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of a Redis server."""
    with redis_server() as url:
        yield url


@pytest.fixture
def redis(app: Flask, redis_url: str) -> Iterator[Redis]:
    """An empty Redis, which the application uses during the test."""
    settings = app.extensions["settings"]
    connection = Redis.from_url(redis_url)
    connection.flushall()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(app.extensions, "jobs_redis", connection)
        patch.setitem(app.extensions, "settings", replace(settings, redis_url=redis_url))
        yield connection
    connection.close()
