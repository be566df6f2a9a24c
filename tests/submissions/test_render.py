"""Forms that the server writes: stable bytes that parse back to the same blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.errors import Invalid
from webapp.submissions.blocks import NEVER_PROPERTIES, RESERVED
from webapp.submissions.parse import CaseBlock, IndexChange, Meta, parse, valid_id
from webapp.submissions.render import can_be_name, can_be_text, render_case_form

TIME = 1_735_900_000_000_003
OPENS = CaseBlock(
    "c1",
    opener="ana",
    user="ana",
    date_modified=TIME,
    given={"case_type": "patient", "case_name": "Ümit & <Sons>", "owner_id": "group"},
    date_opened=0,
    properties={"note": " two\r\nlines ", "empty": ""},
    indices=(IndexChange("parent", "c0", "household", "child"),),
)


def render(*blocks: CaseBlock, **changes: object) -> bytes:
    form = {
        "xmlns": "http://commcarehq.org/hq_case_update_rule",
        "name": "Close old cases",
        "instance_id": "f1",
        "user_id": "system",
        "username": "system",
        "device_id": None,
        "time": TIME,
    }
    return render_case_form(**{**form, **changes}, blocks=blocks)  # type: ignore[arg-type]


def test_a_form_looks_like_one_that_a_phone_sent():
    assert render(OPENS, CaseBlock("c2", closes=True)).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<system xmlns="http://commcarehq.org/hq_case_update_rule" version="1" uiVersion="1"'
        ' name="Close old cases">'
        '<meta xmlns="http://openrosa.org/jr/xforms">'
        "<timeStart>2025-01-03T10:26:40.000003Z</timeStart>"
        "<timeEnd>2025-01-03T10:26:40.000003Z</timeEnd>"
        "<username>system</username><userID>system</userID><instanceID>f1</instanceID></meta>"
        '<case xmlns="http://commcarehq.org/case/transaction/v2" case_id="c1" user_id="ana"'
        ' date_modified="2025-01-03T10:26:40.000003Z">'
        "<create><case_type>patient</case_type><case_name>Ümit &amp; &lt;Sons&gt;</case_name>"
        "<owner_id>group</owner_id><date_opened>1970-01-01T00:00:00.000000Z</date_opened></create>"
        "<update><note> two&#13;\nlines </note><empty></empty></update>"
        '<index><parent case_type="household" relationship="child">c0</parent></index></case>'
        '<case xmlns="http://commcarehq.org/case/transaction/v2" case_id="c2"><close/></case>'
        "</system>\n"
    )


def test_a_change_of_a_reserved_name_alone_is_an_update():
    xml = render(CaseBlock("c1", given={"owner_id": "ana"}, properties={"a": "b"}))
    assert b"<update><owner_id>ana</owner_id><a>b</a></update>" in xml


def test_the_form_itself_parses_back():
    form = parse(render(OPENS))
    assert (form.xmlns, form.root) == ("http://commcarehq.org/hq_case_update_rule", "system")
    assert (form.name, form.version, form.ui_version) == ("Close old cases", "1", "1")
    at = "2025-01-03T10:26:40.000003Z"
    assert form.meta == Meta("f1", "system", "system", None, at, at, None)


@pytest.mark.parametrize("name", ["", "1a", "two words", "a:b", "a<b", "-a", "a\n", "a🙂\0"])
def test_what_cannot_be_a_name_is_refused(name):
    with pytest.raises(Invalid, match="cannot be a name"):
        render(CaseBlock("c1", properties={name: "x"}))


@pytest.mark.parametrize("text", ["\0", "a\x1bb", "\ud800", "\ufffe"])
def test_what_xml_cannot_carry_is_refused(text):
    for block in (CaseBlock("c1", properties={"a": text}), CaseBlock("c1", user=text)):
        with pytest.raises(Invalid, match="cannot carry"):
            render(block)


@pytest.mark.parametrize("name", sorted({*RESERVED, *NEVER_PROPERTIES}))
def test_a_reserved_name_is_no_property(name):
    with pytest.raises(ValueError, match="reserved"):
        render(CaseBlock("c1", properties={name: "x"}))


# Any blocks.

dirty = st.text(
    st.sampled_from(" \t\r\n\"'<>&]é\x85\u2028🙂") | st.characters(exclude_categories=["Cs"])
).filter(can_be_text)
short = dirty.filter(lambda text: len(text) <= 255)
named = short.filter(bool)
ids = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.sampled_from("/&<\"'"), min_size=1
).filter(valid_id)
names = st.from_regex(r"\A[^\W\d][\w.-]*\Z").filter(can_be_name) | st.sampled_from(
    ["case", "meta", "parent", "xml", "Ä-1.b", "update", "create", "close"]
)
times = st.none() | st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
properties = st.dictionaries(
    names.filter(lambda name: len(name) <= 255 and name not in {*RESERVED, *NEVER_PROPERTIES}),
    dirty,
)


@st.composite
def blocks(draw: st.DrawFn) -> CaseBlock:
    case_id = draw(ids)
    user = draw(st.none() | named)
    identifiers = draw(st.lists(names, unique=True, max_size=3))
    targets = st.just("") | ids.filter(lambda target: target != case_id)
    kinds = st.sampled_from(["child", "extension"])
    return CaseBlock(
        case_id,
        opener=draw(st.sampled_from([user]) | named) if user else None,
        user=user,
        date_modified=draw(times),
        given=draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "case_type": short,
                    "case_name": short,
                    "external_id": short,
                    "owner_id": named,
                    "user_id": named,
                },
            )
        ),
        date_opened=draw(times),
        properties=draw(properties),
        indices=tuple(IndexChange(i, draw(targets), draw(short), draw(kinds)) for i in identifiers),
        closes=draw(st.booleans()),
    )


@given(st.lists(blocks(), max_size=4, unique_by=lambda block: block.case_id), named, ids)
def test_parse_gives_back_what_was_rendered(made, name, instance_id):
    form = parse(render(*made, name=name, instance_id="uuid:" + instance_id))
    assert form.problem is None
    assert list(form.blocks) == made
    assert (form.name, form.meta.instance_id) == (name, instance_id)


@given(st.characters())
def test_names_and_texts_are_exactly_those_that_the_reader_accepts(char):
    """The reader's own judgement, character by character."""
    if can_be_text(char):
        assert parse(render(CaseBlock("c1", properties={"a": char}))).problem is None
    if can_be_name(char):
        form = parse(render(CaseBlock("c1", properties={char: "x"})))
        assert form.blocks[0].properties == {char: "x"}
