"""The page test client: uses the site as a person without JavaScript does, and checks every page.

    client = PageClient(app)
    page = client.get("/login")
    page = page.form("Sign in").submit(email="amina@example.org", password="…").follow()
    page = page.click("Submit history")
    assert page.h1 == "Submit history"
    page.rows("Forms, newest first")      # the table with that caption, as lists of text
    page.status_line                      # what role=status says
    page.errors                           # lines of the error summary
    client.get(url, htmx=True)            # a fragment, as htmx asks for it

A page that is no good (see `page_checks`) fails the test that fetched it, whatever that test is
about. Redirects are followed only by `follow()`. `page.form(…)` finds a form by its accessible
name, legend, button, id or action; `submit("Archive", reason="…", fill={"a-b": "…"})` sends
exactly what a browser would: every successful control, with those values changed that a person
could change.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urljoin, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from lxml import html
from werkzeug.test import TestResponse

from tests.web.page_checks import faults_of, is_whole, name_by_aria, parse, words
from tests.web.page_forms import Form

HTML = "text/html"


class PageClient:
    """One browser: it keeps cookies. `client` is Flask's own, for what is no page."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()

    def get(self, url: str, *, htmx: bool = False, status: int | None = None, **more: Any) -> Page:
        """Fetch a page, or with `htmx` a fragment. Without `status`, anything below 400 will do."""
        return self._open("GET", url, htmx, status, **more)

    def post(
        self,
        url: str,
        data: Any = None,
        *,
        htmx: bool = False,
        status: int | None = None,
        **more: Any,
    ) -> Page:
        """Post as a program might; people use `page.form(…).submit(…)`."""
        return self._open("POST", url, htmx, status, data=data, **more)

    def _open(self, method: str, url: str, htmx: bool, status: int | None, **more: Any) -> Page:
        headers = dict(more.pop("headers", {}))
        if htmx:
            headers["HX-Request"] = "true"
        response = self.client.open(url, method=method, headers=headers, **more)
        page = Page(self, url, response, htmx)
        if status is None:
            # 422 is a form that comes back with its errors: a page like any other.
            assert page.status < 400 or page.status == 422, (
                f"{method} {url} answered {page.status}: {page.text[:300]}"
            )
        else:
            assert page.status == status, (
                f"{method} {url} answered {page.status}, not {status}: {page.text[:300]}"
            )
        page.check()
        return page


class Page:
    """What an address answered."""

    def __init__(self, client: PageClient, url: str, response: TestResponse, htmx: bool) -> None:
        self.client = client
        self.url = url
        self.response = response
        self.htmx = htmx
        self.status = response.status_code
        self.headers = response.headers
        self.is_html = response.mimetype == HTML
        self.html = response.get_data(as_text=True) if self.is_html else ""
        self.document: html.HtmlElement
        self.document, self.faults = parse(self.html)

    def check(self) -> None:
        """Fail with everything that is wrong with the page."""
        if not self.is_html or self.status in range(300, 400) or not self.html:
            return
        found = self.faults + faults_of(self.document, self.html, self.client.app, self.url)
        if self.htmx and self.status < 400 and is_whole(self.html):
            found.append("htmx asked for a fragment and got a whole page")
        if self.htmx and "HX-Request" not in self.headers.get("Vary", ""):
            found.append("a fragment without Vary: HX-Request")
        if not self.htmx and not is_whole(self.html):
            found.append("a fragment alone is no whole page")
        assert not found, f"{self.url} is no good page:\n- " + "\n- ".join(found)

    @property
    def text(self) -> str:
        """The words of the page, spaces collapsed."""
        return words(self.document) if self.is_html else self.response.get_data(as_text=True)

    @property
    def title(self) -> str:
        return words(self.one("//head/title"))

    @property
    def h1(self) -> str:
        return words(self.one("//h1"))

    @property
    def status_line(self) -> str:
        return words(self.one("//*[@role='status']"))

    @property
    def errors(self) -> list[str]:
        """The lines of the error summary; none if there is no summary."""
        return [words(e) for e in self.document.xpath("//*[@id='errors']//li")]

    @property
    def location(self) -> str:
        """Where a redirect leads, on this site."""
        assert self.status in range(300, 400), f"{self.url} answered {self.status}, no redirect"
        parts = urlsplit(urljoin(self.url, self.headers["Location"]))
        assert parts.netloc in {"", "localhost"}, f"leads to another site: {parts.geturl()}"
        return parts._replace(scheme="", netloc="").geturl()

    @property
    def events(self) -> dict[str, Any]:
        """The events that the answer fires in the browser (HX-Trigger)."""
        return dict(json.loads(self.headers.get("HX-Trigger", "{}")))

    def follow(self, status: int | None = None) -> Page:
        """The page to which this one redirects. After a post it must be a 303 or 302."""
        return self.client.get(self.location, status=status)

    def one(self, path: str) -> html.HtmlElement:
        """The one element at an XPath."""
        found = self.document.xpath(path)
        assert len(found) == 1, f"{self.url} has {len(found)} of {path}"
        return found[0]

    def links(self) -> dict[str, str]:
        """Words of each link, and where it leads."""
        return {
            words(e) or name_by_aria(e): e.get("href") for e in self.document.xpath("//a[@href]")
        }

    def click(self, text: str, status: int | None = None) -> Page:
        """Follow the link with these words: exactly them, or else the only one that holds them."""
        found = [e for e in self.document.xpath("//a[@href]") if _named(e) == text]
        found = found or [e for e in self.document.xpath("//a[@href]") if text in _named(e)]
        targets = {e.get("href") for e in found}
        assert targets, f"no link {text!r} on {self.url}; there are {sorted(self.links())}"
        assert len(targets) == 1, f"{text!r} is the words of several links: {sorted(targets)}"
        return self.client.get(urljoin(self.url, targets.pop()), status=status)

    def form(self, called: str) -> Form:
        """The form with this accessible name, legend, button, id or action."""
        forms = self.document.xpath("//form")
        for trait in (Form.name_of, Form.buttons_of, Form.addresses_of):
            found = [form for form in forms if called in trait(form)]
            if found:
                assert len(found) == 1, f"{len(found)} forms are called {called!r} on {self.url}"
                return Form(self, found[0])
        known = [trait for form in forms for trait in (Form.name_of(form) + Form.buttons_of(form))]
        raise AssertionError(f"no form {called!r} on {self.url}; there are {known}")

    def rows(self, caption: str) -> list[list[str]]:
        """The body of the table with this caption: the text of each cell."""
        tables = [e for e in self.document.xpath("//table") if caption in _caption(e)]
        assert len(tables) == 1, f"{len(tables)} tables {caption!r} on {self.url}"
        return [
            [words(cell) for cell in row.xpath("./td | ./th")]
            for row in tables[0].xpath("./tbody/tr | ./tr")
        ]


def _named(element: html.HtmlElement) -> str:
    return words(element) or name_by_aria(element)


def _caption(table: html.HtmlElement) -> str:
    return " ".join([words(e) for e in table.xpath("./caption")] + [name_by_aria(table)])
