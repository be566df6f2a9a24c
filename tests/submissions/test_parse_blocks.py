"""Finding case blocks (SPEC S7), merging them (S8), their names and values (S9)."""

from __future__ import annotations

import pytest

from tests.submissions.xforms import CASE, XMLNS, block, form
from webapp.submissions.parse import CaseBlock, IndexChange, parse


def only(xml: bytes) -> CaseBlock:
    """The one case of a form that has no problem."""
    parsed = parse(xml)
    assert parsed.problem is None
    (case,) = parsed.blocks
    return case


def case_ids(xml: bytes) -> list[str]:
    parsed = parse(xml)
    assert parsed.problem is None
    return [case.case_id for case in parsed.blocks]


# Where case blocks are (S7).


def test_blocks_are_found_at_any_depth_and_in_repeats():
    xml = form(
        block("top"),
        f"<group><inner>{block('deep')}</inner></group>",
        *(f"<child>{block(f'r{number}')}</child>" for number in range(3)),
        f"<meta>{block('in-meta')}<userID>u1</userID></meta>",
    )
    assert case_ids(xml) == ["top", "deep", "r0", "r1", "r2", "in-meta"]
    assert parse(xml).meta.user_id == "u1"


def test_a_block_at_every_level_that_is_allowed():
    xml = form("<g>" * 248 + block("deep") + "</g>" * 248)
    assert case_ids(xml) == ["deep"]


def test_a_case_element_without_case_id_is_ignored():
    old = "<case><case_id>c0</case_id><update><a>1</a></update></case>"
    assert case_ids(form(old, '<case case_type="x"/>', '<case p:case_id="c" xmlns:p="p"/>')) == []


def test_a_prefix_is_as_good_as_a_default_namespace():
    xml = form(
        f'<n0:case xmlns:n0="{CASE}" case_id="c1"><n0:update><n0:a>1</n0:a></n0:update></n0:case>',
        f'<n0:case xmlns:n0="{CASE}" case_id="c2"><update><a>1</a></update></n0:case>',
    )
    assert [case.properties for case in parse(xml).blocks] == [{"a": "1"}, {"a": "1"}]


def test_a_block_inside_a_block_is_a_block():
    inner = block("inner", "<update><a>1</a></update>")
    case = block("outer", f"<update><b>x{inner}y</b>{inner}<c>2</c></update><close/>")
    outer, found = parse(form(case)).blocks
    assert (outer.case_id, outer.properties, outer.closes) == ("outer", {"b": "xy", "c": "2"}, True)
    assert (found.case_id, found.properties, found.closes) == ("inner", {"a": "1"}, False)


@pytest.mark.parametrize(
    "xmlns", ["http://commcarehq.org/case/transaction/v1", XMLNS, "", CASE + "/", CASE.upper()]
)
def test_a_block_in_another_namespace_is_a_problem(xmlns):
    parsed = parse(form(block("c0"), f'<case xmlns="{xmlns}" case_id="c1"/>'))
    assert parsed.blocks == ()
    assert parsed.problem == (
        f"Case c1: its block is in the namespace “{xmlns}”; only"
        " http://commcarehq.org/case/transaction/v2 is understood."
    )


def test_device_reports_are_skipped():
    report = "http://code.javarosa.org/devicereport"
    bad = block("")
    whole = f'<device_report xmlns="{report}">{block("c1")}{bad}</device_report>'
    assert case_ids(whole.encode()) == []
    nested = f'<log xmlns="{report}"><a>{block("c1")}</a>{bad}</log>'
    assert case_ids(form(nested, block("c2"), nested, "<meta/>")) == ["c2"]


@pytest.mark.parametrize("prefix", ["", ' xmlns="http://openrosa.org/jr/xforms"'])
def test_a_device_report_keeps_its_own_metadata(prefix: str):
    report = "http://code.javarosa.org/devicereport"
    meta = f"<meta{prefix}><instanceID>uuid:r1</instanceID><userID>u1</userID></meta>"
    whole = (
        f'<device_report xmlns="{report}"><device_id>d</device_id><log_subreport><log><meta>'
        f"<instanceID>no</instanceID></meta></log></log_subreport>{meta}{block('c1')}"
        "</device_report>"
    ).encode()
    found = parse(whole)
    assert (found.meta.instance_id, found.meta.user_id) == ("r1", "u1")
    assert (found.blocks, found.problem) == ((), None)


def test_a_device_report_inside_a_form_gives_it_no_metadata():
    report = "http://code.javarosa.org/devicereport"
    inside = f'<r xmlns="{report}"><meta><instanceID>no</instanceID></meta></r>'
    whole = (
        f'<data xmlns="u">{inside}<meta xmlns="{report}"><instanceID>no</instanceID></meta></data>'
    )
    assert parse(whole.encode()).meta.instance_id is None


# Merging the blocks of a case (S8).


def test_updates_win_over_creates_whatever_the_order_in_the_document():
    xml = form(
        block("c1", "<update><case_name>new</case_name></update>"),
        block("c2"),
        block("c1", "<close/><create><case_name>old</case_name><case_type>t</case_type></create>"),
    )
    one, two = parse(xml).blocks
    assert (one.case_id, two.case_id) == ("c1", "c2")
    assert one.given == {"case_name": "new", "case_type": "t"}
    assert one.closes
    assert not two.closes


def test_of_two_of_a_kind_the_later_wins():
    xml = form(
        block(
            "c1",
            "<update><a>1</a><b>1</b><a>2</a><name>x</name><case_name>y</case_name></update>"
            '<index><parent case_type="t">p1</parent><host case_type="t">h</host></index>',
        ),
        block("c1", '<update><b>3</b></update><index><parent case_type="u">p2</parent></index>'),
    )
    case = only(xml)
    assert case.properties == {"a": "2", "b": "3"}
    assert case.given == {"case_name": "y"}
    assert case.indices == (
        IndexChange("parent", "p2", "u", "child"),
        IndexChange("host", "h", "t", "child"),
    )


def test_the_first_user_opens_and_the_last_one_changes():
    xml = form(
        block("c1"), block("c1", user_id="ana"), block("c1", user_id="ben"), block("c1", user_id="")
    )
    case = only(xml)
    assert (case.opener, case.user) == ("ana", "ben")
    assert (only(form(block("c1"))).opener, only(form(block("c1"))).user) == (None, None)


def test_the_last_date_that_is_given_counts():
    dates = ["2025-01-02", "2025-01-01", "", " "]
    xml = form(*(block("c1", date_modified=date) for date in dates), block("c1"))
    assert only(xml).date_modified == 1_735_689_600_000_000
    assert only(form(block("c1", date_modified=""))).date_modified is None


# Names and values (S9).


def test_reserved_names_have_one_key_each():
    for action in ("create", "update"):
        case = only(
            form(
                block(
                    "c1",
                    f"<{action}><case_type>patient</case_type><name>Ana</name>"
                    "<owner_id>o</owner_id><external_id>e</external_id><user_id>u</user_id>"
                    f"<date_opened>2025-01-01</date_opened></{action}>",
                )
            )
        )
        assert case.given == {
            "case_type": "patient",
            "case_name": "Ana",
            "owner_id": "o",
            "external_id": "e",
            "user_id": "u",
        }
        assert case.date_opened == 1_735_689_600_000_000
        assert case.properties == {}


def test_an_empty_value_is_the_empty_text_but_an_empty_owner_is_not_given():
    values = "<case_name/><case_type/><external_id/><owner_id/><user_id/><date_opened/>"
    case = only(form(block("c1", f"<create>{values}</create><update>{values}<a/></update>")))
    assert case.given == {"case_name": "", "case_type": "", "external_id": ""}
    assert case.date_opened is None
    assert case.properties == {"a": ""}


def test_an_empty_owner_leaves_the_one_that_was_given():
    xml = form(block("c1", "<create><owner_id>o</owner_id></create><update><owner_id/></update>"))
    assert only(xml).given == {"owner_id": "o"}


def test_only_updates_have_properties_and_some_names_never_are():
    case = only(
        form(
            block(
                "c1",
                "<create><a>1</a></create><close><a>2</a></close><note>3</note>text"
                "<attachment><photo src='p.jpg' from='local'/></attachment>"
                '<update x="4"><case_id>5</case_id><date_modified>6</date_modified>'
                "<type>7</type><case>8</case><index>9</index></update>",
            )
        )
    )
    assert case.properties == {"type": "7", "case": "8", "index": "9"}


def test_a_value_is_all_text_of_its_element_kept_exactly():
    value = " \n a<!-- no -->b<?no no?><![CDATA[<c> &amp;]]>&#13;&amp;<x>d<y>e</y></x>\tf&#9; "
    case = only(form(block("c1", f"<update><note>{value}</note></update>")))
    assert case.properties == {"note": " \n ab<c> &amp;\r&de\tf\t "}


def test_a_value_may_have_exactly_32_kb():
    case = only(form(block("c1", f"<update><note>{'x' * 32_768}</note></update>")))
    assert len(case.properties["note"]) == 32_768


def test_an_index_has_a_type_a_relationship_and_a_target():
    case = only(
        form(
            block(
                "c1",
                '<index><parent case_type="home">\n h1 \n</parent>'
                '<host case_type="visit" relationship="extension">v1</host>'
                '<old case_type="home" relationship="child"/><bare>x</bare></index>',
            )
        )
    )
    assert case.indices == (
        IndexChange("parent", "h1", "home", "child"),
        IndexChange("host", "v1", "visit", "extension"),
        IndexChange("old", "", "home", "child"),
        IndexChange("bare", "x", "", "child"),
    )


def test_attributes_with_references_are_read_as_text():
    xml = form(block("a&amp;b&#38;&lt;&quot;", user_id="&#233;"))
    case = only(xml)
    assert (case.case_id, case.user) == ('a&b&<"', "é")


def test_a_block_without_anything_is_a_block():
    assert only(form(block("c1"))) == CaseBlock("c1")
