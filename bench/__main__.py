"""Run the benchmarks and write `bench/RESULTS.md`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import apply, match, receive
from bench.results import Figures, write_results

RESULTS = Path(__file__).parent / "RESULTS.md"


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
    parser.add_argument("--quick", action="store_true", help="only to see that it works at all")
    parser.add_argument("--out", type=Path, help="write the results here")
    arguments = parser.parse_args()
    forms = 20 if arguments.quick else min(arguments.forms, 100_000)
    cases = 200 if arguments.quick else min(arguments.cases, 5_000_000)
    if forms < 1 or cases < 1 or not 1 <= arguments.senders <= 256:
        parser.error("--forms and --cases want at least 1, --senders from 1 to 256")
    found: list[Figures] = []
    for database in arguments.database or ("sqlite", "postgresql"):
        print(f"{database}: {forms} creates, {forms} updates …", file=sys.stderr)
        found.append(receive.measure(database, forms=forms, senders=arguments.senders))
        print(f"{database}: matching {cases:,} cases …", file=sys.stderr)
        found.append(match.measure(database, cases=cases))
        print(f"{database}: changing {cases:,} cases …", file=sys.stderr)
        found.append(apply.measure(database, cases=cases))
    out = arguments.out or (None if arguments.quick else RESULTS)
    print(write_results(out, found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
