"""Statements that are given many keys at once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, bindparam
from sqlalchemy.orm import Session


def is_among(session: Session, column: Any) -> ColumnElement[bool]:
    """Whether a column is one of the keys that the statement is given, as `keys`. To PostgreSQL
    they go as one array: a parameter for each takes a third of the time of a restore."""
    if session.get_bind().dialect.name == "postgresql":
        return column == any_(bindparam("keys", type_=ARRAY(BigInteger)))
    return column.in_(bindparam("keys", expanding=True))
