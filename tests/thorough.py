"""How long chance is given to find something."""

from __future__ import annotations

import os

#: `CASEKEEPER_THOROUGH=1 ./test`, as before a release: takes long.
THOROUGH = os.environ.get("CASEKEEPER_THOROUGH") == "1"


def examples(few: int) -> int:
    """So many random examples, which are others each time; ten times as many when thorough."""
    return few * 10 if THOROUGH else few
