"""What is compressed on its way to a browser: files, and fragments; no whole pages.

Whoever can make a browser ask for a page, with a text of their own in the address, learns from the
length of the compressed answer what else stands in it. Nobody elsewhere can make it ask for a
fragment: another site may not send the header `HX-Request`. Files are the same for everybody.
"""

from __future__ import annotations

from flask import Flask, Response, request
from flask_compress import Compress

from webapp.web.htmx import is_fragment_request


class SafeCompress(Compress):
    """Flask-Compress, but for whole pages."""

    def after_request(self, response: Response | None) -> Response:
        """Compress what may be; `COMPRESS_MIMETYPES` says of which types."""
        if response and response.mimetype == "text/html" and not is_fragment_request(request):
            return response
        return super().after_request(response)


def init_compression(app: Flask) -> None:
    """Bind it to the app."""
    SafeCompress(app)
