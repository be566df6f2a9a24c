"""Page or fragment: the only place that reads htmx's headers (UX "htmx")."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Request, Response, make_response, render_template
from flask import request as current_request


def is_fragment_request(request: Request) -> bool:
    """Whether htmx asks for a piece of a page. When the browser goes back and htmx restores a page
    from history it needs all of it, and so it does when a link is boosted."""
    return (
        request.headers.get("HX-Request") == "true"
        and request.headers.get("HX-History-Restore-Request") != "true"
        and request.headers.get("HX-Boosted") != "true"
    )


def render_page_or_fragment(
    page_template: str,
    fragment_template: str,
    /,
    *,
    status: int = 200,
    push_url: str | None = None,
    **context: Any,
) -> Response:
    """Answer with the fragment alone when htmx asks for it, else with the page that includes it.

    Both get the same `context`. `push_url` is the canonical address of what is shown; the browser
    then shows it instead of the one that was asked. `Vary` keeps caches from mixing the two.
    """
    fragment = is_fragment_request(current_request)
    template = fragment_template if fragment else page_template
    response = make_response(render_template(template, **context), status)
    response.vary.add("HX-Request")
    if fragment and push_url is not None and not _is_there(push_url):
        response.headers["HX-Push-Url"] = push_url
    return response


def _is_there(address: str) -> bool:
    """Whether the browser shows this address: then it is no other place to come back to, however
    often it was asked for."""
    shown = urlsplit(current_request.headers.get("HX-Current-URL", ""))
    return shown._replace(scheme="", netloc="").geturl() == address


def trigger(
    response: Response, event: str, detail: Any = None, *, settled: bool = False
) -> Response:
    """Let the page fire `event` with `detail` (JSON) when the answer arrives, or only when it
    stands in the page (`settled`); several may be added.

    `trigger(response, "announce", sentence)` has the status line say the sentence.
    """
    header = "HX-Trigger-After-Settle" if settled else "HX-Trigger"
    events = json.loads(response.headers.get(header, "{}"))
    events[event] = detail
    response.headers[header] = json.dumps(events)  # ASCII: headers carry nothing else
    return response


def init_htmx(app: Flask) -> None:
    """Let templates ask `by_htmx()`: whether what they write goes to htmx, as a fragment."""
    app.jinja_env.globals["by_htmx"] = lambda: is_fragment_request(current_request)
