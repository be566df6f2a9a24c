"""Redis for the tests of runs, as the tests of jobs have it."""

from __future__ import annotations

from tests.jobs.conftest import redis, redis_url

__all__ = ["redis", "redis_url"]
