"""Why a form that can be read is not applied: each case of SPEC S10 with its sentence."""

from __future__ import annotations

import pytest

from tests.submissions.hostile import REFUSED
from tests.submissions.xforms import block, form
from webapp.submissions.parse import parse

ID_RULE = "ids are 1 to 255 printable characters without white space."
KINDS = "It must be child or extension."
LONG = "x" * 256
SHOWN = "x" * 60 + "…"


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        (block(""), "A case block has an empty case_id."),
        (
            block("a b"),
            f"The case_id “a b” is not allowed: {ID_RULE}",
        ),
        (
            block("a\u200b"),
            f"The case_id “a\ufffd” is not allowed: {ID_RULE}",
        ),
        (
            block(LONG),
            f"The case_id “{SHOWN}” is not allowed: {ID_RULE}",
        ),
        (
            block("a1", user_id=LONG),
            "Case a1: the user_id is longer than 255 characters.",
        ),
        *(
            (
                block("a1", f"<{action}><{name}>{LONG}</{name}></{action}>"),
                f"Case a1: the {key} is longer than 255 characters.",
            )
            for action in ("create", "update")
            for name, key in (
                ("case_name", "case_name"),
                ("name", "case_name"),
                ("case_type", "case_type"),
                ("owner_id", "owner_id"),
                ("external_id", "external_id"),
                ("user_id", "user_id"),
            )
        ),
        (
            block("a1", f"<update><{LONG}>1</{LONG}></update>"),
            "Case a1: the name of a property is longer than 255 characters.",
        ),
        (
            block("a1", f"<index><{LONG} case_type='t'>b1</{LONG}></index>"),
            "Case a1: the identifier of an index is longer than 255 characters.",
        ),
        (
            block("a1", f"<index><parent case_type='{LONG}'>b1</parent></index>"),
            "Case a1: the case_type of the index “parent” is longer than 255 characters.",
        ),
        (
            block("a1", "<index><parent case_type='t'> a1 </parent></index>"),
            "Case a1: the index “parent” points to the case itself.",
        ),
        (
            block("a1", "<index><parent case_type='t'>two words</parent></index>"),
            "Case a1: the index “parent” points to “two words”, which cannot be the id of a case.",
        ),
        (
            block("a1", "<index><parent case_type='t' relationship='Child'>b1</parent></index>"),
            f"Case a1: the index “parent” has the unknown relationship “Child”. {KINDS}",
        ),
        (
            block("a1", "<index><parent case_type='t' relationship='sibling'/></index>"),
            f"Case a1: the index “parent” has the unknown relationship “sibling”. {KINDS}",
        ),
        (
            block("a1", date_modified="yesterday"),
            "Case a1: the date_modified “yesterday” is not a date or time.",
        ),
        (
            block("a1", "<create><date_opened>2025-02-30</date_opened></create>"),
            "Case a1: the date_opened “2025-02-30” is not a date or time.",
        ),
        (
            block("a1", f"<update><date_opened>{LONG * 300}</date_opened></update>"),
            f"Case a1: the date_opened “{SHOWN}” is not a date or time.",
        ),
        (
            block("a1", f"<update><note>{'x' * 32_769}</note></update>"),
            "Case a1: the property “note” holds more than 32 kB.",
        ),
        (
            block("a1", f"<update><note>{'é' * 16_385}</note></update>"),
            "Case a1: the property “note” holds more than 32 kB.",
        ),
        (
            block("a1", f"<update><note>{'x' * 1_000_000}</note></update>"),
            "Case a1: the property “note” holds more than 32 kB.",
        ),
    ],
)
def test_a_block_that_cannot_be_applied(case, sentence):
    parsed = parse(form(block("good"), case, block("also-good"), "<meta><userID>u</userID></meta>"))
    assert parsed.problem == sentence
    assert parsed.blocks == ()
    assert parsed.meta.user_id == "u"  # the form is stored, and found by its user


@pytest.mark.parametrize("name", ["userID", "username", "deviceID"])
def test_metadata_that_does_not_fit(name):
    parsed = parse(form(block("a1"), f"<meta><{name}>{LONG}</{name}></meta>"))
    assert parsed.problem == f"The form's {name} is longer than 255 characters."
    assert parsed.blocks == ()


def test_a_namespace_that_does_not_fit():
    parsed = parse(f'<data xmlns="{LONG}">{block("a1")}</data>'.encode())
    assert parsed.problem == "The form's namespace (xmlns) is longer than 255 characters."
    assert parsed.blocks == ()


def test_the_first_problem_of_the_document_is_told():
    parsed = parse(form(block("a1", date_modified="x"), block(""), block("a b")))
    assert parsed.problem == "Case a1: the date_modified “x” is not a date or time."


def test_255_characters_fit_whatever_their_bytes():
    text = "🙂" * 255
    inside = f"<create><case_name>{text}</case_name></create>"
    (case,) = parse(form(block("a1", inside, user_id=text))).blocks
    assert (case.given["case_name"], case.user) == (text, text)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("5,001 cases", "The form is about more than 5,000 cases. Send it in several forms."),
        ("100,000 cases", "The form is about more than 5,000 cases. Send it in several forms."),
        ("10,001 indexes", "The form has more than 10,000 indexes. Send it in several forms."),
    ],
)
def test_a_form_about_too_much_says_what_to_do(name: str, sentence: str):
    assert parse(REFUSED[name]()).problem == sentence
