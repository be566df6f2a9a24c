"""Fresh submission ids: UUIDs of version 7 (RFC 9562), which begin with the time.

Ids that are made one after the other then stand beside each other in their index. With random ones
each form of a run touches another page of it, and each transaction writes all of those.
"""

from __future__ import annotations

import random
import uuid
from typing import Any

from sqlalchemy import Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from webapp.clock import Micros, now

_chance = random.SystemRandom()


def new_id(at: Micros | None = None) -> str:
    """A fresh id, of this moment or of another."""
    millis, micros = divmod(now() if at is None else at, 1000)
    return str(
        uuid.UUID(
            int=(millis & 0xFFFF_FFFF_FFFF) << 80
            | 0x7 << 76
            | micros * 4096 // 1000 << 64  # twelve bits of a fraction of the millisecond
            | 0b10 << 62
            | _chance.getrandbits(62)
        )
    )


class FreshId(FunctionElement[str]):
    """In SQL, a fresh id of a moment for each row: `FreshId(tick)`."""

    type = Text()
    name = "fresh_id"
    inherit_cache = True


@compiles(FreshId, "sqlite")
def _fresh_id_sqlite(element: FreshId, compiler: SQLCompiler, **kw: Any) -> str:
    at = f"({compiler.process(element.clauses, **kw)})"
    return (
        f"printf('%08x-%04x-7%03x-%04x-%012x', {at} / 65536000, {at} / 1000 & 65535,"
        f" {at} % 1000 * 4096 / 1000, random() & 16383 | 32768, random() & 281474976710655)"
    )


@compiles(FreshId, "postgresql")
def _fresh_id_postgresql(element: FreshId, compiler: SQLCompiler, **kw: Any) -> str:
    at = f"({compiler.process(element.clauses, **kw)})"
    return (
        "overlay(CAST(gen_random_uuid() AS TEXT) PLACING"
        f" lpad(to_hex({at} / 65536000), 8, '0') || '-'"
        f" || lpad(to_hex({at} / 1000 & 65535), 4, '0') || '-7'"
        f" || lpad(to_hex(mod({at}, 1000) * 4096 / 1000), 3, '0') FROM 1 FOR 18)"
    )
