"""What machines hear where the APIs have nothing (SPEC X5)."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient


@pytest.mark.parametrize(
    "path", ["/a/demo/api/nothing/", "/a/demo/api/rules/v9/", "/a/demo/api/", "/api/nothing"]
)
def test_an_address_that_the_apis_do_not_have_is_json(client: FlaskClient, path: str):
    for accept in ("*/*", "text/html", ""):
        answer = client.get(path, headers={"Accept": accept})
        assert answer.status_code == 404
        assert answer.is_json
        assert answer.get_json()["error"]


def test_a_page_that_is_not_there_stays_a_page(client: FlaskClient):
    for path in ("/a/demo/apiary/", "/nothing/api/", "/a/demo/nothing/api/"):
        answer = client.get(path, headers={"Accept": "*/*"})
        assert answer.status_code == 404
        assert answer.mimetype == "text/html"
