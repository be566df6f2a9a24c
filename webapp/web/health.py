"""For whoever supervises: is the process up, and can it work (README, "Settings")."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from webapp.clock import AHEAD, Tick, now
from webapp.extensions import db

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    """The process is up. Asks neither database nor Redis: restarting would not mend those."""
    return _plain(200, {"process": "up"})


@health.get("/readyz")
def readyz() -> Response:
    """200 when database and Redis answer and the clock is sane, else 503; says which is not."""
    checks = {"database": _database(), "redis": _redis()}
    if checks["database"] == "up":
        checks["clock"] = _clock()
    ready = all(state in {"up", "not configured"} for state in checks.values())
    return _plain(200 if ready else 503, checks)


def _plain(status: int, checks: dict[str, str]) -> Response:
    answer: Response = jsonify(checks)
    answer.status_code = status
    return answer


def _database() -> str:
    try:
        db.session.execute(select(1))
    except SQLAlchemyError:
        db.session.rollback()
        return "down"
    return "up"


def _redis() -> str:
    url = current_app.extensions["settings"].redis_url
    if not url:
        return "not configured"
    try:
        with Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as connection:
            connection.ping()
    except (RedisError, OSError):
        return "down"
    return "up"


def _clock() -> str:
    """Ticks never go back: when the machine's clock was once ahead, they stay there, and what is
    received now would carry a time that has not come yet."""
    try:
        last = db.session.scalar(select(func.max(Tick.last))) or 0
    except SQLAlchemyError:
        db.session.rollback()
        return "not readable: is the database upgraded?"
    return "up" if last <= now() + AHEAD else "the last tick is more than a minute ahead"
