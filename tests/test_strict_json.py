"""JSON from outside is read strictly (SPEC X5)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from webapp.errors import Invalid
from webapp.strict_json import DEEPEST, read_json


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"{}", {}),
        (b'  {"a": [1, 2.5, null, true, "x"]}\n', {"a": [1, 2.5, None, True, "x"]}),
        ('\ufeff{"ñ": "пароль"}'.encode(), {"ñ": "пароль"}),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"1e3", Decimal(1000)),
        (b"[0.1234567890123456789, 1e999]", [Decimal("0.1234567890123456789"), Decimal("1e999")]),
        (b'{"a": {"a": 1}, "b": {"a": 2}}', {"a": {"a": 1}, "b": {"a": 2}}),
        (b"[" * DEEPEST + b"1" + b"]" * DEEPEST, None),
    ],
)
def test_what_is_json_is_read(raw: bytes, value: object):
    read = read_json(raw)
    assert value is None or read == value


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"{'a': 1}", "no JSON"),
        (b"[1,]", "no JSON"),
        (b"{} {}", "no JSON"),
        (b'"\x00"', "no JSON"),
        (b'"\xff"', "no UTF-8: byte 2"),
        ('{"a": 1}'.encode("utf-16"), "no UTF-8"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"[1e99999999999999999999]", "too large"),
        (b"[" + b"9" * 5_000 + b"]", "too many digits"),
        (b'{"a": 1, "b": 2, "a": 3}', "“a” stands twice"),
        (b'[{"\\ud800": 1, "\\ud800": 2}]', "stands twice"),
        (b'["\\ud800"]', "half a character"),
        (b'{"\\udfff x": 1}', "half a character"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "levels"),
        (b'{"a":' * 200_000, "levels"),
        (b"[" * 200_000 + b"]" * 200_000, "levels"),
    ],
)
def test_what_is_not_is_refused_with_a_sentence(raw: bytes, word: str):
    with pytest.raises(Invalid) as refused:
        read_json(raw)
    assert word in refused.value.message
    assert refused.value.message.encode()  # can be sent
    assert len(refused.value.message) < 300
