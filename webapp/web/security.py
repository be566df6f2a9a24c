"""What every answer says to browsers, and what no request may carry (SPEC X2, X5)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import BadRequest
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter

from webapp.config import Settings

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

#: A file of `static/` that is asked for by its version never changes.
_FOREVER = "public, max-age=31536000, immutable"

#: The largest number that a database holds.
BIGGEST = 2**63 - 1


class Number(IntegerConverter):
    """`<int:…>`, without the numbers that no database can look for: those are a 404."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max", BIGGEST)
        super().__init__(*args, **kwargs)


def init_security(app: Flask) -> None:
    """Bind the headers and the checks to the app. Before routes are added: it makes `<int:…>`
    ours."""
    settings: Settings = app.extensions["settings"]
    app.url_map.converters["int"] = Number
    if settings.proxies:
        hops = settings.proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # as Flask's documentation has it
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
    app.before_request(refuse_nul)
    app.after_request(add_headers)
    _version_static_files(app)


def refuse_nul() -> None:
    """Raise `BadRequest` for a NUL in the address or in a form: no text of people has one, and
    PostgreSQL cannot even ask for it. The body is read only where a page takes a form; what
    machines send is checked where it is read."""
    if "\0" in request.path or _has_nul(request.args):
        raise BadRequest("The address has a character that cannot be there.")
    if request.method != "POST" or request.endpoint is None or _is_machine():
        return
    if _has_nul(request.form):
        raise BadRequest("The form has a character that cannot be typed.")


def add_headers(response: Response) -> Response:
    """Say how the answer may be used, unless the view said it more precisely."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    if request.endpoint == "static":
        headers["Cache-Control"] = _FOREVER if request.args.get("v") else "no-cache"
    else:
        headers.setdefault("Cache-Control", "no-store")
    return response


def _is_machine() -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    return bool(getattr(view, "machine", False))


def _has_nul(values: Any) -> bool:
    return any(
        "\0" in key or any("\0" in value for value in listed) for key, listed in values.lists()
    )


def _version_static_files(app: Flask) -> None:
    """Let `url_for('static', …)` name the content, so that browsers keep each version for ever."""
    folder = Path(app.static_folder or "")
    known: dict[str, tuple[int, str]] = {}

    def version(filename: str) -> str | None:
        try:
            changed = (folder / filename).stat().st_mtime_ns
            if known.get(filename, (0, ""))[0] != changed:
                digest = hashlib.sha256((folder / filename).read_bytes()).hexdigest()[:12]
                known[filename] = (changed, digest)
        except OSError:
            return None
        return known[filename][1]

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "v" not in values and "filename" in values:
            values["v"] = version(values["filename"])
