"""A form's answers as a tree for its page (SPEC U9)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.submissions.xforms import block, form
from webapp.submissions.answers import MAX_TEXT, Answer, Kind, answers
from webapp.submissions.parse import NotAForm


def outline(found: tuple[Answer, ...]) -> list[object]:
    """Kind, path and text of each answer, with its children inside."""
    return [
        (answer.kind.value, answer.path, answer.text, *outline(answer.children)) for answer in found
    ]


def test_questions_groups_repeats_and_blocks():
    tree = answers(
        form(
            "\n  <name> Ana \n</name>",
            "<visit><date>2025-01-01</date><weight/></visit>",
            "<child><name>Bo</name></child>",
            f"<child><name>Cy</name>{block('c2', '<update><a>1</a></update>')}</child>",
            block("c1", "<create><case_name>Ana</case_name></create>"),
            "<meta><instanceID>f1</instanceID></meta>",
        )
    )
    assert tree.root == "data"
    assert outline(tree.answers) == [
        ("question", "/data/name", " Ana \n"),
        (
            "group",
            "/data/visit",
            "",
            ("question", "/data/visit/date", "2025-01-01"),
            ("question", "/data/visit/weight", ""),
        ),
        ("repeat", "/data/child", "", ("question", "/data/child/name", "Bo")),
        (
            "repeat",
            "/data/child[2]",
            "",
            ("question", "/data/child[2]/name", "Cy"),
            ("case", "/data/child[2]/case", ""),
        ),
        ("case", "/data/case", ""),
        ("meta", "/data/meta", ""),
    ]
    assert [answer.number for answer in tree.answers] == [None, None, 1, 2, None, None]
    assert tree.answers[4].attributes["case_id"] == "c1"
    assert (tree.total, tree.cut) == (11, False)


def test_the_inside_of_blocks_is_left_out_and_what_follows_is_not():
    tree = answers(form(block("c1", "<update>x</update>y"), "<meta>z<a/></meta>", "<last>1</last>"))
    assert outline(tree.answers) == [
        ("case", "/data/case", ""),
        ("meta", "/data/meta", ""),
        ("question", "/data/last", "1"),
    ]


def test_several_blocks_are_no_repeat():
    tree = answers(form(block("c1"), block("c2")))
    assert [(answer.kind, answer.number) for answer in tree.answers] == [(Kind.CASE, None)] * 2
    assert [answer.path for answer in tree.answers] == ["/data/case", "/data/case[2]"]


def test_a_question_that_was_answered_twice_is_numbered():
    tree = answers(form("<tag>a</tag><other/><tag>b</tag>"))
    assert [(answer.kind.value, answer.number, answer.text) for answer in tree.answers] == [
        ("repeat", 1, "a"),
        ("question", None, ""),
        ("repeat", 2, "b"),
    ]


def test_text_beside_children_is_shown():
    (group,) = answers(form("<a> x<b>y</b>z </a>")).answers
    assert (group.kind, group.text, group.children[0].text) == (Kind.GROUP, " xz ", "y")


def test_attributes_are_shown_without_their_namespaces():
    (answer,) = answers(form('<a x="1" n:y="2" xmlns:n="urn:n"/>')).answers
    assert answer.attributes == {"x": "1", "y": "2"}


def test_a_long_answer_is_cut_and_says_so():
    long, fits = answers(form(f"<a>{'é' * MAX_TEXT}!</a><a>{'é' * MAX_TEXT}</a>")).answers
    assert (long.text, long.cut) == ("é" * MAX_TEXT, True)
    assert (fits.text, fits.cut) == ("é" * MAX_TEXT, False)


def test_a_large_form_is_cut_in_document_order_and_says_how_much_there_is():
    xml = form("<g><a>1</a><b>2</b></g>", "<c>3</c>", block("c1", "<update/>"), "<d>4</d>")
    assert answers(xml).total == 6
    tree = answers(xml, limit_nodes=2)
    assert outline(tree.answers) == [("group", "/data/g", "", ("question", "/data/g/a", "1"))]
    assert (tree.total, tree.cut) == (6, True)
    assert answers(xml, limit_nodes=6).cut is False
    assert answers(xml, limit_nodes=0).answers == ()


def test_a_form_that_cannot_be_applied_has_answers_all_the_same():
    assert len(answers(form(block(""), "<a>1</a>")).answers) == 2
    assert answers(b"<data><a>1</a></data>").answers[0].text == "1"


def test_what_is_no_xml_has_none():
    with pytest.raises(NotAForm):
        answers(b"{}")


trees = st.recursive(
    st.sampled_from(["", "x", " "]),
    lambda inner: st.lists(st.tuples(st.sampled_from("ab"), inner), max_size=4).map(
        lambda made: "".join(f"<{name}>{content}</{name}>" for name, content in made)
    ),
    max_leaves=30,
)


@given(trees, st.integers(0, 20))
def test_a_tree_has_as_many_nodes_as_it_may_and_each_path_once(inside, limit):
    tree = answers(form(inside), limit_nodes=limit)
    paths: list[str] = []

    def walk(found: tuple[Answer, ...]) -> None:
        for answer in found:
            paths.append(answer.path)
            walk(answer.children)

    walk(tree.answers)
    assert tree.total == inside.count("</")
    assert len(paths) == min(limit, tree.total)
    assert len(set(paths)) == len(paths)
    assert tree.cut == (tree.total > limit)
