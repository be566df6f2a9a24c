"""What a form says of itself, its ids and metadata (SPEC S3), and that anything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.submissions.xforms import XMLNS, block, form
from webapp.submissions.parse import Meta, NotAForm, parse, valid_id

# The form itself.


def test_the_root_element_names_the_form():
    parsed = parse(f'<visit xmlns="{XMLNS}" name="ANC visit" version="3" uiVersion="1"/>'.encode())
    assert (parsed.xmlns, parsed.root, parsed.name) == (XMLNS, "visit", "ANC visit")
    assert (parsed.version, parsed.ui_version) == ("3", "1")
    assert (parsed.meta, parsed.blocks, parsed.problem) == (Meta(), (), None)


@pytest.mark.parametrize("xmlns", ["", 'xmlns=""', 'xmlns=" "', 'xmlns:x="http://x"'])
def test_a_root_without_a_namespace_is_no_form(xmlns):
    with pytest.raises(NotAForm) as refusal:
        parse(f"<data {xmlns}/>".encode())
    assert refusal.value.message == (
        "The root element of the XML has no namespace (xmlns), so this is not a form."
    )


@pytest.mark.parametrize(
    "xmlns",
    [
        "http://openrosa.org/jr/xforms",
        "http://openrosa.org/xforms",
        "http://openrosa.org/xforms/metadata",
        XMLNS,
        "",
    ],
)
def test_the_metadata_block_is_read_in_any_namespace(xmlns):
    meta = (
        (f'<n:meta xmlns:n="{xmlns}">' if xmlns else '<meta xmlns="">')
        + (
            "<deviceID>phone-1</deviceID><timeStart>2025-01-01T09:00:00.000+02</timeStart>"
            "<timeEnd>2025-01-01T09:05:00.000+02</timeEnd><username>ana</username>"
            "<userID>u1</userID><instanceID>uuid:f-1</instanceID><drift>0</drift>"
            '<cc:appVersion xmlns:cc="http://commcarehq.org/xforms">2.53</cc:appVersion>'
        )
        + ("</n:meta>" if xmlns else "</meta>")
    )
    assert parse(form(meta)).meta == Meta(
        instance_id="f-1",
        user_id="u1",
        username="ana",
        device_id="phone-1",
        time_start="2025-01-01T09:00:00.000+02",
        time_end="2025-01-01T09:05:00.000+02",
        app_version="2.53",
    )


def test_openrosas_own_metadata_block_is_preferred():
    own = "<meta><userID>a question</userID></meta>"
    openrosa = '<meta xmlns="http://openrosa.org/jr/xforms"><userID>u1</userID></meta>'
    last = "<meta><userID>another</userID></meta>"
    assert parse(form(own + openrosa + last)).meta.user_id == "u1"
    assert parse(form(own + last)).meta.user_id == "a question"


def test_a_metadata_block_deeper_in_the_form_is_a_group_like_any_other():
    assert parse(form("<group><meta><userID>u1</userID></meta></group>")).meta == Meta()


def test_a_group_after_the_metadata_block_is_none_of_it():
    group = "<group><userID>a question</userID></group>"
    assert parse(form(group, "<meta><userID>u1</userID></meta>", group)).meta.user_id == "u1"


def test_empty_metadata_is_missing_metadata():
    parsed = parse(form("<meta><instanceID> </instanceID><userID/><username>\n</username></meta>"))
    assert (parsed.meta, parsed.problem) == (Meta(), None)


def test_white_space_around_metadata_is_printing():
    meta = "<meta><instanceID>\n  uuid:f1\n</instanceID><userID> u1 </userID></meta>"
    parsed = parse(form(meta))
    assert (parsed.meta.instance_id, parsed.meta.user_id) == ("f1", "u1")


@pytest.mark.parametrize(
    "text", ["a", "a/b", "ü", "名", "🙂", "x" * 255, "<&>", "uuid:x", "a\u0301"]
)
def test_ids(text):
    assert valid_id(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "a b", "a\tb", "a\n", "x" * 256, "a\u00a0b", "a\u2028", "\0", "a\x7f", "\ud800",
     "\u200b", "a\u3000"],
)  # fmt: skip
def test_no_ids(text):
    assert not valid_id(text)


def test_a_refused_instance_id_is_a_problem_and_no_id():
    for text, shown in (("two words", "two words"), ("x" * 256, "x" * 60 + "…")):
        parsed = parse(form(block("c1"), f"<meta><instanceID>{text}</instanceID></meta>"))
        assert parsed.meta.instance_id is None
        assert parsed.blocks == ()
        assert parsed.problem == (
            f"The form's instanceID “{shown}” is not allowed: ids are 1 to 255 printable"
            " characters without white space."
        )


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("", "utf-8"),
        ("", "utf-8-sig"),
        ("utf-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("UTF-16", "utf-16"),
        ("UTF-16", "utf-16-le"),
        ("", "utf-16-be"),
        ("UTF-32", "utf-32"),
        ("", "utf-32-le"),
        ("", "utf-32-be"),
        ("ISO-8859-1", "latin-1"),
        ("windows-1252", "cp1252"),
        ("US-ASCII", "utf-8"),
        ("UTF-16", "utf-8"),  # names the encoding of its program's memory
    ],
)
def test_a_form_in_another_encoding(declared, encoding):
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    xml = (declaration + form("<meta><username>Zoé</username></meta>").decode()).encode(encoding)
    assert parse(xml).meta.username == "Zoé"


# Anything else.


def assert_read(xml: bytes) -> None:
    """It is a form, with blocks or a problem but not both, or else there is a sentence."""
    try:
        parsed = parse(xml)
    except NotAForm as refusal:
        sentence = refusal.message
    else:
        sentence = parsed.problem or "."
        assert not (parsed.problem and parsed.blocks)
    assert sentence.endswith(".")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_a_sentence(xml):
    assert_read(xml)


WHOLE = form(
    block(
        "c1",
        "<create><case_type>t</case_type><date_opened>2025-01-01</date_opened></create>"
        '<update><a>x</a></update><index><p case_type="t">q</p></index><close/>',
        user_id="u",
        date_modified="2025-01-01",
    ),
    "<meta><instanceID>f1</instanceID><userID>u1</userID></meta>",
)
fragments = st.sampled_from(
    [b"<", b">", b"&", b"&amp;", b"&#0;", b"&#xD800;", b'"', b"\0", b"\xff", b"\xed\xa0\x80", b"/",
     b"<!DOCTYPE a>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?x ?>", b"</case>", b"case_id",
     b"=", b"\xff\xfe", b"<case case_id=''>", b"{", b"}", b":", b" ", b"x" * 300]
)  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(WHOLE)), st.integers(0, 40), fragments | st.binary(max_size=4)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_damaged_form_is_a_form_or_a_sentence(damage):
    xml = WHOLE
    for place, length, piece in damage:
        xml = xml[:place] + piece + xml[place + length :]
    assert_read(xml)
