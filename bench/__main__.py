"""Run the benchmarks and write `bench/RESULTS.md`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench import apply, fair, history, match, preview, receive, restore
from bench.results import Figures, write_results

RESULTS = Path(__file__).parent / "RESULTS.md"
#: What is measured over so many cases.
OVER_CASES: dict[str, Callable[..., Figures]] = {
    "match": match.measure,
    "preview": preview.measure,
    "apply": apply.measure,
    "fair": fair.measure,
    "restore": restore.measure,
}
WHAT = ("receive", *OVER_CASES, "history")


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure Casekeeper on this machine and write bench/RESULTS.md.",
    )
    parser.add_argument(
        "--database", choices=("sqlite", "postgresql"), action="append", help="(default: both)"
    )
    parser.add_argument("--forms", type=int, default=2000, help="forms of each kind (%(default)s)")
    parser.add_argument("--senders", type=int, default=16, help="at once (%(default)s)")
    parser.add_argument(
        "--cases", type=int, default=100_000, help="cases that rules meet (%(default)s)"
    )
    parser.add_argument(
        "--past", type=int, default=100_000, help="forms among which some are found (%(default)s)"
    )
    parser.add_argument("--only", choices=WHAT, action="append", help="(default: all)")
    parser.add_argument("--quick", action="store_true", help="only to see that it works at all")
    parser.add_argument("--out", type=Path, help="write the results here")
    arguments = parser.parse_args()
    forms = 20 if arguments.quick else min(arguments.forms, 100_000)
    cases = 200 if arguments.quick else min(arguments.cases, 5_000_000)
    past = 2000 if arguments.quick else min(arguments.past, 50_000_000)
    senders: int = min(arguments.senders, 4) if arguments.quick else arguments.senders
    if forms < 1 or cases < 1 or past < 2000 or not 1 <= senders <= 256:
        parser.error("--forms and --cases want at least 1, --past 2000, --senders from 1 to 256")
    found: list[Figures] = []
    for database in arguments.database or ("sqlite", "postgresql"):
        for what in arguments.only or WHAT:
            print(f"{database}: {what} …", file=sys.stderr)
            if what == "receive":
                found.append(receive.measure(database, forms=forms, senders=senders))
            elif what == "history":
                found.append(history.measure(database, forms=past, quick=arguments.quick))
            else:
                found.append(OVER_CASES[what](database, cases=cases))
    all_of_it = not (arguments.quick or arguments.only)
    out = arguments.out or (RESULTS if all_of_it else None)
    print(write_results(out, found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
