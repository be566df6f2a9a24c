"""What is compressed on its way to a browser: files, and fragments; of whole pages only those
that say they repeat nothing.

Whoever can make a browser ask for a page, with a text of their own in the address, learns from the
length of the compressed answer what else stands in it. Nobody elsewhere can make it ask for a
fragment: another site may not send the header `HX-Request`. Files are the same for everybody. And
a page that repeats nothing of its address tells nobody anything.
"""

from __future__ import annotations

from flask import Flask, Response, g, request
from flask_compress import Compress

from webapp.web.htmx import is_fragment_request


def repeats_nothing() -> None:
    """Say of the page of this request that no text of its address, and nothing else that another
    site may choose, stands in it; so it may be compressed. For pages that are large."""
    g.repeats_nothing = True


class SafeCompress(Compress):
    """Flask-Compress, but for whole pages."""

    def after_request(self, response: Response | None) -> Response:
        """Compress what may be; `COMPRESS_MIMETYPES` says of which types."""
        safe = "repeats_nothing" in g or is_fragment_request(request)
        if response and response.mimetype == "text/html" and not safe:
            return response
        return super().after_request(response)


def init_compression(app: Flask) -> None:
    """Bind it to the app."""
    SafeCompress(app)
