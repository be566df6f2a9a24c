"""A filled-in form, as the XML that the app on a phone sends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID
from xml.sax.saxutils import escape

from webapp.clock import Micros
from webapp.demo.hours import phone_time
from webapp.submissions.blocks import CASE_XMLNS, CaseBlock, IndexChange
from webapp.submissions.parse import Meta as ParsedMeta
from webapp.submissions.parse import ParsedForm
from webapp.submissions.render import META_XMLNS

#: Questions with their answers; a group has questions of its own.
Answers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A form of the app."""

    name: str
    xmlns: str
    #: How long it takes to fill in, in minutes.
    takes: tuple[int, int]


@dataclass(slots=True)
class Block:
    """What a form says about a case; `index` is identifier -> (type, target, relationship)."""

    case_id: str
    create: Mapping[str, str] | None = None
    update: Mapping[str, str] = field(default_factory=dict)
    index: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    close: bool = False


@dataclass(slots=True)
class Filled:
    """A form that is filled in but not sent."""

    kind: Kind
    answers: Answers
    blocks: list[Block]


@dataclass(frozen=True, slots=True)
class Meta:
    """What the app adds: whose phone it is, when the form was begun and ended."""

    instance_id: str
    user_id: str
    username: str
    device_id: str
    begun: Micros
    ended: Micros
    app_version: int


def uuid_of(random: Random) -> str:
    """An id as apps make them."""
    return str(UUID(int=random.getrandbits(128), version=4))


def xml_of(filled: Filled, meta: Meta) -> bytes:
    """The bytes that are sent."""
    kind = filled.kind
    ended = phone_time(meta.ended)
    begin = (
        f'<?xml version=\'1.0\' ?><data xmlns="{kind.xmlns}" uiVersion="1"'
        f' version="{meta.app_version}" name="{escape(kind.name)}">'
    )
    blocks = (_block(block, meta.user_id, ended) for block in filled.blocks)
    return "".join([begin, *_answers(filled.answers), *blocks, _meta(meta), "</data>"]).encode()


def form_of(filled: Filled, meta: Meta) -> ParsedForm:
    """What `webapp.submissions.parse` reads in these bytes, without reading them."""
    return ParsedForm(
        xmlns=filled.kind.xmlns,
        root="data",
        name=filled.kind.name,
        version=str(meta.app_version),
        ui_version="1",
        meta=ParsedMeta(
            instance_id=meta.instance_id,
            user_id=meta.user_id,
            username=meta.username,
            device_id=meta.device_id,
            time_start=phone_time(meta.begun),
            time_end=phone_time(meta.ended),
            app_version=_meta_values(meta)["appVersion"],
        ),
        blocks=tuple(
            CaseBlock(
                block.case_id,
                opener=meta.user_id,
                user=meta.user_id,
                date_modified=meta.ended,
                given=dict(block.create or {}),
                properties=dict(block.update),
                indices=tuple(
                    IndexChange(name, target, case_type, relationship)
                    for name, (case_type, target, relationship) in block.index.items()
                ),
                closes=block.close,
            )
            for block in filled.blocks
        ),
        problem=None,
    )


def _meta(meta: Meta) -> str:
    values = _meta_values(meta)
    inside = "".join(f"<n1:{name}>{escape(value)}</n1:{name}>" for name, value in values.items())
    return f'<n1:meta xmlns:n1="{META_XMLNS}">{inside}</n1:meta>'


def _meta_values(meta: Meta) -> dict[str, str]:
    return {
        "deviceID": meta.device_id,
        "timeStart": phone_time(meta.begun),
        "timeEnd": phone_time(meta.ended),
        "username": meta.username,
        "userID": meta.user_id,
        "instanceID": meta.instance_id,
        "appVersion": f"CommCare Android, version 2.{meta.app_version + 12}.1."
        f" App v{meta.app_version}.",
    }


def _answers(answers: Answers) -> Iterator[str]:
    for name, value in answers.items():
        inside = escape(value) if isinstance(value, str) else "".join(_answers(value))
        yield f"<{name}>{inside}</{name}>"


def _block(block: Block, user_id: str, ended: str) -> str:
    inside = ""
    if block.create is not None:
        inside += f"<n0:create>{_values(block.create)}</n0:create>"
    if block.update:
        inside += f"<n0:update>{_values(block.update)}</n0:update>"
    for name, (case_type, target, relationship) in block.index.items():
        kind = f' relationship="{relationship}"' if relationship != "child" else ""
        inside += (
            f'<n0:index><n0:{name} case_type="{case_type}"{kind}>{target}</n0:{name}></n0:index>'
        )
    if block.close:
        inside += "<n0:close/>"
    return (
        f'<n0:case xmlns:n0="{CASE_XMLNS}" case_id="{block.case_id}" user_id="{user_id}"'
        f' date_modified="{ended}">{inside}</n0:case>'
    )


def _values(values: Mapping[str, str]) -> str:
    return "".join(f"<n0:{name}>{escape(value)}</n0:{name}>" for name, value in values.items())
