"""What the form of a rule and the page of a form weigh on their way to a browser (UX "Weight")."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests import factories
from tests.forms import case_block, form, send
from tests.web.pages import Page, PageClient
from tests.web.rule_pages import CLOSE_DONE, make_rule
from tests.web.signing_in import signed_in
from webapp.projects.models import Project

FIRST_PAGE, FRAGMENT = 150_000, 15_000

#: What browsers take where there is no https, which is the least.
ENCODINGS = {"Accept-Encoding": "gzip, deflate"}


def weight(answer: TestResponse) -> int:
    """Bytes of an answer, with its headers."""
    return len(answer.data) + len(str(answer.headers))


def conditions(count: int) -> list[dict[str, Any]]:
    kinds: list[dict[str, Any]] = [
        CLOSE_DONE["criteria"][0],
        {"kind": "date", "property": "edd", "operator": "after", "days": 60},
        {"kind": "not_modified_since", "days": 365},
    ]
    found = [dict(kinds[number % 3]) for number in range(count)]
    for number, one in enumerate(found):
        if "property" in one:
            one["property"] = f"{one['property']}_{number}_" + "w" * (number % 60)
    return found


def rule_page(app: Flask, project: Project, count: int) -> Page:
    """The form of a rule of so many conditions and updates, with the longest name."""
    # The close is an action too, of at most fifty.
    sets = [{"kind": "set", "property": f"p{n}", "value": "v" * n} for n in range(min(count, 49))]
    rule = make_rule(
        project,
        name="N" * 126,
        description="d" * 2000,
        match="any" if count else "every_case",
        criteria=conditions(count),
        actions=[*sets, {"kind": "close"}],
    )
    browser = signed_in(app, factories.web_user(project, role="editor"))
    return browser.get(f"/a/{project.name}/rules/{rule.rule_id}/edit")


def files_of(page: Page) -> list[str]:
    """What a browser fetches with the page: the sprite once, whatever symbols."""
    found = page.document.xpath("//link/@href | //script/@src | //*[local-name()='use']/@href")
    return sorted({address.partition("#")[0] for address in found})


@pytest.mark.parametrize("count", [0, 3, 50])
def test_the_form_of_a_rule_is_light(app: Flask, project: Project, count: int):
    page = rule_page(app, project, count)
    browser: PageClient = page.client
    files = [browser.client.get(url, headers=ENCODINGS) for url in files_of(page)]
    assert len(files) >= 6
    first = browser.client.get(page.url, headers=ENCODINGS)
    assert weight(first) + sum(map(weight, files)) <= FIRST_PAGE

    sent = dict(page.form("rule-form").entries())
    for place, more in [
        ("rows", {"add": "date"}),
        ("rows", {"add": "update"}),
        ("rows", {"remove": "criteria-0"}),
        ("rows", {"up": "criteria-9"}),
        ("rows", {"down": "actions-0"}),
        ("rows", {"open": "criteria-1"}),
        ("preview", {}),
    ]:
        answer = browser.client.post(
            f"/a/{project.name}/rules/{place}",
            data=sent | more,
            headers=ENCODINGS | {"HX-Request": "true"},
        )
        assert answer.status_code == 200
        assert weight(answer) <= FRAGMENT, (place, more)


def test_a_whole_page_is_compressed_only_if_it_repeats_nothing(app: Flask, project: Project):
    """An answer with a text from its address in it would tell what else is in it, by its length."""
    page = rule_page(app, project, 3)
    browser = page.client.client
    probe = "tell-me-a-secret"
    form = browser.get(f"{page.url}?{probe}={probe}", headers=ENCODINGS)
    assert form.headers["Content-Encoding"] == "gzip"
    assert probe not in gzip.decompress(form.data).decode()
    listed = f"/a/{project.name}/rules/?name={probe}"
    for answer in (
        browser.get(listed, headers=ENCODINGS),
        browser.get(f"/a/{project.name}/rules/new?example={probe}", headers=ENCODINGS),
        browser.get(f"/a/{project.name}/rules/{probe}/edit", headers=ENCODINGS),
    ):
        assert "Content-Encoding" not in answer.headers


def test_the_page_of_a_form_with_500_questions_is_light(
    app: Flask, session: Session, project: Project
):
    questions = "".join(
        f"<section_{group}>"
        + "".join(
            f"<question_{group}_{n}>{'answer ' * (n % 9)}{n}</question_{group}_{n}>"
            for n in range(25)
        )
        + f"</section_{group}>"
        for group in range(20)
    )
    block = case_block("c-1", update={f"p{n}": f"value {n}" for n in range(60)})
    sent = send(session, project.id, form(block, questions=questions))
    browser = signed_in(app, factories.web_user(project, role="viewer"))
    page = browser.get(f"/a/{project.name}/submissions/{sent.submission_id}/")
    assert page.text.count("question_19_24") >= 1
    files = [browser.client.get(url, headers=ENCODINGS) for url in files_of(page)]
    first = browser.client.get(page.url, headers=ENCODINGS)
    assert weight(first) + sum(map(weight, files)) <= FIRST_PAGE
