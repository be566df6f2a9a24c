"""Ends the supervisor's children when the supervisor is gone, however it went.

Runs as a process of its own, by its path, and imports nothing of the product. It leads the process
group that all children are in, and reads a pipe whose only other end the supervisor holds: the
kernel closes that when the supervisor dies, also by SIGKILL, on every system.
"""

import os
import signal
import sys
import time

#: What is asked to end gets this long, in seconds.
GRACE_S = 1.5


def main() -> None:
    """Wait for the end of standard input, then end the group."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
