"""Column types that mean the same on both databases."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import JSON, BigInteger, Enum, Integer
from sqlalchemy.dialects.postgresql import JSONB

#: A JSON object: `jsonb` on PostgreSQL, text with SQLite's JSON functions there.
JsonObject = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

#: Integer keys that may pass 2**31 on PostgreSQL; SQLite counts only INTEGER keys by itself.
BigKey = BigInteger().with_variant(Integer(), "sqlite")


def word(kind: type[StrEnum]) -> Enum:
    """A column that holds one of the enum's values as text."""
    return Enum(
        kind,
        native_enum=False,
        values_callable=lambda members: [member.value for member in members],
        length=max(len(member.value) for member in kind),
    )
