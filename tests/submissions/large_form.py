"""A program that measures the largest form that is applied, and an edit of it (SPEC S10, S11).

`python -m tests.submissions.large_form [DATABASE_URL]` prints a JSON object: step -> what came of
it, the seconds of processor time and the memory (MB) that the process grew to beyond its start.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import make_app
from tests.forms import case_block, form, send
from webapp.extensions import db
from webapp.submissions.blocks import MAX_CASES


def largest(status: str) -> bytes:
    """A form of as many cases as may be, of just under 10 MB and 200,000 elements."""
    blocks = (
        case_block(
            f"case-{number}",
            create={"case_type": "patient", "case_name": f"Name {number}", "owner_id": "o"},
            update={"status": status} | {f"property_{n}": "w" * 46 for n in range(22)},
            index={"parent": ("patient", "case-0")} if number else None,
        )
        for number in range(MAX_CASES)
    )
    return form(*blocks, instance_id="large")


def measure(session: Session, project_id: int, xml: bytes) -> dict[str, Any]:
    """Receive a form."""
    before, begin = peak(), time.process_time()
    received = send(session, project_id, xml)
    return {
        "outcome": received.outcome,
        "problem": received.problem,
        "seconds": time.process_time() - begin,
        "megabytes": peak() - before,
        "bytes": len(xml),
    }


def peak() -> float:
    """The most memory that this process has had, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main(database_url: str = "") -> None:
    with tempfile.TemporaryDirectory() as folder:
        app = make_app(Path(folder), database_url)
        with app.app_context():
            project = factories.project()
            first, second = largest("one"), largest("two")
            found = {
                "new": measure(db.session(), project.id, first),
                "edit": measure(db.session(), project.id, second),
            }
            db.session.remove()
            db.engine.dispose()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
