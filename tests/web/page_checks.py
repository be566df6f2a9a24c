"""What every page must be, whatever it shows: `faults` finds what is not so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from flask import Flask
from lxml import etree, html
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

#: libxml2 does not know HTML 5's elements: the one complaint that says nothing.
UNKNOWN_TAG = 801

#: Inputs of these types need no label.
UNLABELLED = frozenset({"hidden", "submit", "button", "reset", "image"})
REFERENCES: tuple[str, ...] = (
    "for",
    "form",
    "list",
    "headers",
    "aria-describedby",
    "aria-labelledby",
)
REFERENCES += ("aria-controls", "aria-owns", "aria-errormessage", "aria-details")
SELECTORS = ("hx-target", "hx-include", "hx-indicator", "hx-disabled-elt")
VERBS = {"hx-get": "GET", "hx-post": "POST", "hx-put": "PUT", "hx-patch": "PATCH"}
VERBS |= {"hx-delete": "DELETE"}
SCRIPT = re.compile(r"\s*(javascript|js):", re.IGNORECASE)

#: An element, the name of one of its attributes, and the value.
Attribute = tuple[html.HtmlElement, str, str]


def parse(text: str) -> tuple[html.HtmlElement, list[str]]:
    """The document (a fragment stands in its body), and what is wrong with its HTML."""
    parser = html.HTMLParser(recover=True, encoding="utf-8")
    document = html.document_fromstring(text.encode() or b"<p></p>", parser=parser)
    found = [
        f"line {entry.line}: {entry.message.strip()}"
        for entry in parser.error_log
        if entry.type != UNKNOWN_TAG
    ]
    return document, found


def is_whole(text: str) -> bool:
    """Whether it is a page and not a fragment."""
    return re.match(r"\s*<(!doctype|html)\b", text, re.IGNORECASE) is not None


def faults(text: str, app: Flask, path: str) -> list[str]:
    """Everything that is wrong with the page, or the fragment, that `path` answered."""
    document, found = parse(text)
    return found + faults_of(document, text, app, path)


def faults_of(document: html.HtmlElement, text: str, app: Flask, path: str) -> list[str]:
    """What is wrong with it but for its HTML. Thousands of pages are looked at: so once through all
    attributes, and not once for each question."""
    found: list[str] = []
    attributes = attributes_of(document)
    found += ids(document)
    found += unlabelled(document)
    found += nameless(document)
    found += forms(document, whole=is_whole(text))
    found += inline(document, attributes)
    found += links(attributes, app, path)
    if is_whole(text):
        found += skeleton(text, document)
        found += references(document, attributes)
    return found


def attributes_of(document: html.HtmlElement) -> list[Attribute]:
    """Each attribute of each element, in their order."""
    return [
        (element, name, value)
        for element in document.iter(etree.Element)
        for name, value in element.attrib.items()
    ]


def skeleton(text: str, document: html.HtmlElement) -> Iterator[str]:
    """Doctype, language, title, one h1, one main."""
    if not text.lstrip().lower().startswith("<!doctype html>"):
        yield "no <!doctype html>"
    if not document.get("lang"):
        yield "<html> has no lang"
    titles = [words(e) for e in document.xpath("//head/title")]
    if len(titles) != 1 or not titles[0]:
        yield f"one title with words is needed, not {titles}"
    for tag in ("h1", "main"):
        count = len(document.xpath(f"//{tag}"))
        if count != 1:
            yield f"one {tag} is needed, not {count}"
    if not all(words(e) for e in document.xpath("//h1")):
        yield "the h1 is empty"


def ids(document: html.HtmlElement) -> Iterator[str]:
    """Ids are unique, and no empty ones."""
    for value, count in Counter(document.xpath("//@id")).items():
        if count > 1:
            yield f"id {value!r} stands {count} times"
        if not value or re.search(r"\s", value):
            yield f"id {value!r} is empty or has spaces"


def unlabelled(document: html.HtmlElement) -> Iterator[str]:
    """Every control has a label with words."""
    labels = {e.get("for"): words(e) for e in document.xpath("//label[@for]")}
    for control in document.iter("input", "select", "textarea"):
        if control.tag == "input" and control.get("type") in UNLABELLED:
            continue
        if labels.get(control.get("id")) or name_by_aria(control):
            continue
        if not any(words(e) for e in control.iterancestors("label")):
            yield f"no label: {show(control)}"


def nameless(document: html.HtmlElement) -> Iterator[str]:
    """Links, buttons and menus have words; pictures have an alt."""
    for element in document.xpath("//a[@href] | //button | //summary"):
        if not (words(element) or name_by_aria(element) or element.xpath(".//img[@alt!='']")):
            yield f"no words: {show(element)}"
    for element in document.xpath("//input[@type='submit'][not(@value)] | //img[not(@alt)]"):
        yield f"no words: {show(element)}"


def forms(document: html.HtmlElement, *, whole: bool) -> Iterator[str]:
    """Forms say where they go; posts carry the token, and gets do not; nothing needs JavaScript.
    The form of a button that has a `formaction` may stand around the fragment that it is in."""
    for form in document.xpath("//form"):
        method = (form.get("method") or "get").lower()
        tokens = form.xpath(".//input[@name='csrf_token'][@type='hidden'][@value!='']")
        if not form.get("action"):
            yield f"no action: {show(form)}"
        if method == "post" and len(tokens) != 1:
            yield f"no csrf_token: {show(form)}"
        if method == "get" and form.xpath(".//input[@name='csrf_token']"):
            yield f"a csrf_token would stand in the address: {show(form)}"
        if form.xpath("ancestor::form"):
            yield f"a form in a form: {show(form)}"
        if form.xpath(".//input[@type='file']") and form.get("enctype") != "multipart/form-data":
            yield f"a file is sent as its name only, without enctype: {show(form)}"
    # A field that offers something as one types can be typed into all the same.
    asking = "//*[@hx-post or @hx-put or @hx-patch or @hx-delete][not(self::input[@list])]"
    for element in document.xpath(asking):
        outside = not element.xpath("ancestor-or-self::form | id(@form)")
        if outside and (whole or not element.get("formaction")):
            yield f"works with JavaScript only, outside any form: {show(element)}"
    for button in document.xpath("//button[not(@type)]"):
        yield f"no type: {show(button)}"


def inline(document: html.HtmlElement, attributes: list[Attribute]) -> Iterator[str]:
    """Nothing that the Content-Security-Policy refuses (SPEC X2)."""
    for element in document.xpath("//style | //script[not(@src)]"):
        yield f"inline: {show(element)}"
    for element, name, value in attributes:
        if name == "style" or name.startswith(("on", "hx-on", "data-hx-on")):
            yield f"inline {name}: {show(element)}"
        if SCRIPT.match(value):
            yield f"script in {name}: {show(element)}"
        if name == "hx-trigger" and "[" in value:
            yield f"a filter in hx-trigger needs eval: {show(element)}"


def references(document: html.HtmlElement, attributes: list[Attribute]) -> Iterator[str]:
    """What an attribute points to exists."""
    known = set(document.xpath("//@id"))
    for element, name, value in attributes:
        if name in REFERENCES:
            for target in value.split():
                if target not in known:
                    yield f"{name} points to {target!r}, which is not there: {show(element)}"
        elif name in SELECTORS:
            for part in value.split(","):
                yield from _selected(element, name, part.strip(), known)
        elif name == "hx-trigger":
            for source in re.findall(r"from:(#[\w-]+)", value):
                yield from _selected(element, name, source, known)
        elif name == "href" and element.tag == "a" and re.fullmatch(r"#.+", value):
            yield from _selected(element, name, value, known)


def _selected(
    element: html.HtmlElement, name: str, selector: str, known: set[str]
) -> Iterator[str]:
    """A selector of htmx, where it is one whose target can be known: #id, closest tag, this."""
    if selector.startswith("closest "):
        there = element.xpath(f"ancestor-or-self::{selector.removeprefix('closest ')}")
    elif selector.startswith("#"):
        there = selector[1:] in known
    else:
        return
    if not there:
        yield f"{name} points to {selector!r}, which is not there: {show(element)}"


def links(attributes: list[Attribute], app: Flask, path: str) -> Iterator[str]:
    """Addresses of this site are routes of the app, for the method that will be used; files of
    `static/` exist, and so does the symbol of an icon."""
    for element, name, value in attributes:
        method = VERBS.get(name)
        # A place on this page is no request, and an error that answers a post is at no address.
        if name == "src" or (name == "href" and not value.startswith("#")):
            method = "GET"
        elif name == "action" and element.tag == "form":
            method = (element.get("method") or "get").upper()
        elif name == "formaction":
            own = element.xpath("id(@form)/@method") or element.xpath("ancestor::form[1]/@method")
            # Without a form around it, it is in a fragment: those of pages with such buttons post.
            method = (own or ["post"])[0].upper()
        if method is None:
            continue
        plain = value.startswith("/") and not value.startswith("//") and "/." not in value
        fault = unroutable(app, value if plain else urljoin(path, value), method)
        if fault:
            yield f"{fault}: {show(element)}"


@lru_cache(maxsize=4_096)  # every page has the same navigation, and long lists the same links
def unroutable(app: Flask, address: str, method: str) -> str | None:
    """Why an address leads nowhere; None if it leads somewhere, or to another site."""
    parts = urlsplit(address)
    if parts.scheme in {"mailto", "tel", "data"} or parts.netloc not in {"", "localhost"}:
        return None
    try:
        endpoint, arguments = app.url_map.bind("localhost").match(parts.path, method=method)
    except RequestRedirect:
        return None
    except MethodNotAllowed:
        return f"{parts.path} does not take {method}"
    except (NotFound, HTTPException):
        return f"{parts.path} is no page of this site"
    if endpoint == "static" and app.static_folder:
        file = Path(app.static_folder) / arguments["filename"]
        if not file.is_file():
            return f"{parts.path} is no file"
        if parts.fragment and f'id="{parts.fragment}"' not in file.read_text():
            return f"{parts.path} has no symbol {parts.fragment}"
    return None


def name_by_aria(element: html.HtmlElement) -> str:
    """The name that `aria-label` or `aria-labelledby` gives."""
    if (element.get("aria-label") or "").strip():
        return str(element.get("aria-label")).strip()
    root = element.getroottree()
    named = (
        root.xpath("//*[@id=$it]", it=it) for it in (element.get("aria-labelledby") or "").split()
    )
    return " ".join(words(e[0]) for e in named if e)


def words(element: html.HtmlElement) -> str:
    """The text of an element, spaces collapsed."""
    return " ".join(str(element.text_content()).split())


def show(element: html.HtmlElement) -> str:
    """The element's start tag, for messages."""
    source = etree.tostring(element, encoding="unicode", with_tail=False)
    return source.split(">")[0][:200] + ">"
