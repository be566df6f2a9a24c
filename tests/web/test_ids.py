"""Ids of every kind survive the way through an address."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, url_for
from hypothesis import example, given
from hypothesis import strategies as st

from webapp.submissions.blocks import valid_id
from webapp.web.ids import init_ids

CHARACTERS = st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp", "Cf", "Cn", "Co"])
IDS = st.one_of(
    st.text(st.sampled_from("/%?#.\\a2FE5é;&=+:@"), min_size=1, max_size=40),
    st.text(CHARACTERS, min_size=1, max_size=255),
).filter(valid_id)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=255)


@pytest.fixture(scope="module")
def site() -> Flask:
    app = Flask("site")
    app.url_map.strict_slashes = False
    init_ids(app)

    @app.get("/forms/")
    def forms() -> dict[str, Any]:
        return {"forms": None}

    @app.get("/forms/<public_id:form_id>/")
    def form(form_id: str) -> dict[str, Any]:
        return {"form": form_id}

    @app.get("/forms/<public_id:form_id>/archive")
    def archive(form_id: str) -> dict[str, Any]:
        return {"archive": form_id}

    @app.get("/forms/<public_id:form_id>/files/<any_name:name>")
    def file(form_id: str, name: str) -> dict[str, Any]:
        return {"file": [form_id, name]}

    return app


@given(form_id=IDS)
@example(form_id="a/archive")
@example(form_id="a%2Farchive")
@example(form_id="%252F")
@example(form_id=".")
@example(form_id="..")
@example(form_id="//")
@example(form_id="?state=error#top")
def test_an_id_comes_back_from_its_address(site: Flask, form_id: str) -> None:
    client = site.test_client()
    with site.test_request_context():
        page, verb = url_for("form", form_id=form_id), url_for("archive", form_id=form_id)
    assert client.get(page).json == {"form": form_id}
    assert client.get(page.removesuffix("/")).json == {"form": form_id}
    assert client.get(verb).json == {"archive": form_id}


@given(form_id=IDS, name=NAMES)
@example(form_id="x", name="")
@example(form_id="x", name="%")
@example(form_id="x", name="../../etc/passwd")
def test_a_file_name_comes_back_from_its_address(site: Flask, form_id: str, name: str) -> None:
    with site.test_request_context():
        address = url_for("file", form_id=form_id, name=name)
    assert site.test_client().get(address).json == {"file": [form_id, name]}


def test_an_ordinary_id_reads_as_it_is(site: Flask) -> None:
    with site.test_request_context():
        assert url_for("form", form_id="7f3c-12_x.y") == "/forms/7f3c-12_x.y/"


@pytest.mark.parametrize(
    "segment", ["%2500", "%25FF", "%20", "a%2520b", "x" * 256, "%25ED%25A0%2580"]
)
def test_what_can_be_no_id_leads_nowhere(site: Flask, segment: str) -> None:
    assert site.test_client().get(f"/forms/{segment}/").status_code == 404
