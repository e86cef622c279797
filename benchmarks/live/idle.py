"""What an idle socket costs: authenticated, subscribed, and nothing happens."""

import argparse
import gc
import time

from bed import wait_until
from ground import PORT, Client, Ground, answer, resident_bytes
from report import Goals

SOCKETS, MOST_BYTES = 5000, 40_000
SETTLE_SECONDS = 3.0


def measure(ground: Ground, given: argparse.Namespace, goals: Goals) -> None:
    """Open the sockets in one process and look at its memory."""
    print(f"\nidle: {SOCKETS} sockets in one process")
    ground.renew_portal()
    process = ground.program("web")
    try:
        wait_until(lambda: answer([process], [PORT]), 60, "the portal answers")
        # What the process loads and keeps at its first sockets is not the sockets'.
        Client(ground, "portal", "-n", "50", "-log", "x").go()
        gc.collect()
        time.sleep(SETTLE_SECONDS)
        before = resident_bytes(process.process.pid)
        client = Client(ground, "portal", "-n", str(SOCKETS), "-log", "x")
        time.sleep(SETTLE_SECONDS)
        each = (resident_bytes(process.process.pid) - before) / SOCKETS
        client.go()
    finally:
        process.stop()
    print(f"  opened and subscribed in {client.opened['seconds']:.1f} s\n")
    found = f"{each / 1000:.1f} kB"
    goals.check(f"an idle socket takes at most {MOST_BYTES // 1000} kB", each <= MOST_BYTES, found)
