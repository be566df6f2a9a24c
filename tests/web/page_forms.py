"""A form on a page, filled in and sent as a browser would do it without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlencode, urljoin, urlsplit

from lxml import html

from tests.web.page_checks import name_by_aria, show, words

if TYPE_CHECKING:
    from tests.web.pages import Page

#: What goes into a file control: its content and its name.
Upload = tuple[BinaryIO, str]
BUTTONS = (
    ".//button[not(@type) or @type='submit'] | .//input[@type='submit'] | .//input[@type='image']"
)


class Form:
    """One form, as it stands on the page."""

    def __init__(self, page: Page, element: html.HtmlElement) -> None:
        self.page = page
        self.element = element
        self.controls = self._controls()

    @staticmethod
    def name_of(form: html.HtmlElement) -> list[str]:
        """Accessible name, first legend, id."""
        names = [name_by_aria(form), form.get("id")]
        names += [words(e) for e in form.xpath("(.//legend)[1]")]
        return [name for name in names if name]

    @staticmethod
    def buttons_of(form: html.HtmlElement) -> list[str]:
        """The words of its submit buttons."""
        return [_button_words(e) for e in form.xpath(BUTTONS)]

    @staticmethod
    def addresses_of(form: html.HtmlElement) -> list[str]:
        """Its action, whole and without the query."""
        action = form.get("action") or ""
        return [action, urlsplit(action).path]

    def value(self, name: str) -> Any:
        """What a control holds now: text; a list of what is on for checkboxes and the like."""
        held = [value for key, value in self.entries() if key == name]
        several = len(self.controls.get(name, [])) > 1 or any(
            _kind(e) == "checkbox" for e in self.controls.get(name, [])
        )
        return held if several and not self._is_radio(name) else (held[0] if held else None)

    def entries(self) -> list[tuple[str, Any]]:
        """The successful controls in their order, as HTML says, without buttons."""
        found: list[tuple[str, Any]] = []
        for name, elements in self.controls.items():
            for element in elements:
                found += [(name, value) for value in _held(element)]
        return found

    def submit(
        self,
        button: str | None = None,
        *,
        fill: dict[str, Any] | None = None,
        htmx: bool = False,
        status: int | None = None,
        **values: Any,
    ) -> Page:
        """Fill in `values` and press the button with these words; by default the first one.
        `fill` is for names that are no keywords.

        Texts go into text controls and choose options and radio buttons by value or words; True,
        False or a list of values set checkboxes; `(file, name)` an upload. Fails for what a person
        could not do: an unknown or hidden control, an option that is not offered.
        """
        pressed = self._button(button)
        overrides = {
            name: self._wanted(name, value) for name, value in (values | (fill or {})).items()
        }
        data: list[tuple[str, Any]] = []
        for name, elements in self.controls.items():
            if name in overrides:
                data += [(name, value) for value in overrides[name]]
            else:
                data += [(name, value) for e in elements for value in _held(e)]
        address, method = self.element.get("action") or self.page.url, self.element.get("method")
        if pressed is not None:
            address = pressed.get("formaction") or address
            method = pressed.get("formmethod") or method
            if pressed.get("name"):
                data.append((pressed.get("name"), pressed.get("value") or ""))
        target = urljoin(self.page.url, address)
        if (method or "get").lower() == "get":
            target = urlsplit(target)._replace(query=urlencode(data), fragment="").geturl()
            return self.page.client.get(target, htmx=htmx, status=status)
        grouped: dict[str, list[Any]] = {}
        for name, value in data:
            grouped.setdefault(name, []).append(value)
        multipart = self.element.get("enctype") == "multipart/form-data"
        kind = "multipart/form-data" if multipart else "application/x-www-form-urlencoded"
        return self.page.client.post(
            target,
            grouped,
            htmx=htmx,
            status=status,
            content_type=kind,
            headers={"Referer": f"http://localhost{self.page.url}"},
        )

    def _controls(self) -> dict[str, list[html.HtmlElement]]:
        own = self.element.get("id")
        found: dict[str, list[html.HtmlElement]] = {}
        for element in self.element.getroottree().xpath("//input | //select | //textarea"):
            belongs = (
                element.get("form") == own
                if element.get("form")
                else self.element in element.iterancestors("form")
            )
            sends = element.get("name") and _kind(element) not in _NO_VALUE
            if belongs and sends and not _disabled(element):
                found.setdefault(element.get("name"), []).append(element)
        return found

    def _is_radio(self, name: str) -> bool:
        return any(_kind(e) == "radio" for e in self.controls.get(name, []))

    def _button(self, text: str | None) -> html.HtmlElement | None:
        buttons = [e for e in self.element.xpath(BUTTONS) if not _disabled(e)]
        own = self.element.get("id")
        if own:
            buttons += self.element.getroottree().xpath("//button[@form=$own]", own=own)
        if text is None:
            return buttons[0] if buttons else None
        found = [e for e in buttons if _button_words(e) == text]
        found = found or [e for e in buttons if text in _button_words(e)]
        assert len(found) == 1, (
            f"{len(found)} buttons {text!r}; there are {[_button_words(e) for e in buttons]}"
        )
        return found[0]

    def _wanted(self, name: str, value: Any) -> list[Any]:
        elements = self.controls.get(name)
        assert elements, f"no control {name!r}; there are {sorted(self.controls)}"
        first = elements[0]
        kind = _kind(first)
        assert kind != "hidden", f"a person cannot change {show(first)}"
        assert first.get("readonly") is None, f"a person cannot change {show(first)}"
        if kind == "checkbox":
            offered = [e.get("value", "on") for e in elements]
            if isinstance(value, bool):
                return offered if value else []
            return _chosen(name, value, {v: v for v in offered})
        if kind == "radio":
            return _chosen(name, value, {e.get("value", "on"): _label(e) for e in elements})
        if kind == "select":
            options = {_option_value(o): words(o) for o in first.xpath(".//option[not(@disabled)]")}
            chosen = _chosen(name, value, options)
            assert len(chosen) <= 1 or first.get("multiple") is not None, f"{name} takes one value"
            return chosen
        if kind == "file":
            return list(value) if isinstance(value, list) else [value]
        texts = value if isinstance(value, list) else [value]
        assert len(texts) <= len(elements), f"{len(texts)} texts for {len(elements)} of {name}"
        return [_as_sent(str(text)) for text in texts]


_NO_VALUE = frozenset({"submit", "button", "reset", "image"})


def _kind(element: html.HtmlElement) -> str:
    return str(element.tag if element.tag != "input" else (element.get("type") or "text").lower())


def _disabled(element: html.HtmlElement) -> bool:
    outer = element.xpath("ancestor::fieldset[@disabled]")
    return element.get("disabled") is not None or bool(outer)


def _held(element: html.HtmlElement) -> list[Any]:
    """What an untouched control sends."""
    kind = _kind(element)
    if kind in {"checkbox", "radio"}:
        return [element.get("value", "on")] if element.get("checked") is not None else []
    if kind == "select":
        options = element.xpath(".//option")
        on = [o for o in options if o.get("selected") is not None]
        if not on and element.get("multiple") is None:
            on = [o for o in options if o.get("disabled") is None][:1]
        return [_option_value(o) for o in (on if element.get("multiple") is not None else on[-1:])]
    if kind == "textarea":
        text = element.text or ""
        return [_as_sent(text.removeprefix("\n"))]
    if kind == "file":
        return []  # Flask's client cannot send a file without a name; WTForms reads both alike
    return [element.get("value") or ""]


def _chosen(name: str, value: Any, offered: dict[str, str]) -> list[str]:
    by_words = {text: key for key, text in offered.items()}
    wanted = [str(v) for v in (value if isinstance(value, list | tuple | set) else [value])]
    for one in wanted:
        assert one in offered or one in by_words, f"{name} does not offer {one!r} but {offered}"
    return [one if one in offered else by_words[one] for one in wanted]


def _option_value(option: html.HtmlElement) -> str:
    return words(option) if option.get("value") is None else str(option.get("value"))


def _label(element: html.HtmlElement) -> str:
    labels = element.getroottree().xpath("//label[@for=$it]", it=element.get("id") or "")
    return words(labels[0]) if labels else name_by_aria(element)


def _button_words(element: html.HtmlElement) -> str:
    return words(element) or str(element.get("value") or "") or name_by_aria(element)


def _as_sent(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
