"""From the report of a serious event to its notice on the screen of the CRA, whatever breaks."""

import argparse
import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bed import Process, wait_until
from ground import PORT, Client, Ground, answer
from report import Goals

PROGRAMS = ("web", "worker", "relay", "live")
EVENTS = 20
# The supervisor of ./run starts again what has ended, after so long.
RESTART_SECONDS = 1.0
VALKEY_AWAY_SECONDS = 15.0
PAUSE_SECONDS = 0.2


class Clinic:
    """A running portal, a CRA who watches, a physician who reports."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.programs: dict[str, Process] = {}

    @contextmanager
    def open(self) -> Iterator["Clinic"]:
        """Start everything on a fresh database."""
        self.ground.renew_portal()
        try:
            for name in PROGRAMS:
                self.programs[name] = self.ground.program(name)
            wait_until(lambda: answer([*self.programs.values()], [PORT]), 60, "the portal answers")
            time.sleep(3)  # worker and relays have connected
            yield self
        finally:
            for program in self.programs.values():
                program.stop()

    def restart(self, name: str) -> None:
        """Kill a program with everything it started; it comes back as under ./run."""
        os.killpg(self.programs[name].process.pid, signal.SIGKILL)
        time.sleep(RESTART_SECONDS)
        self.programs[name] = self.ground.program(name)

    def report(self, number: int) -> tuple[str, int]:
        """Report a serious event; return its id and the moment before it was sent."""
        ward = self.ground.ward
        body = {
            "patient": ward["patients"][number % len(ward["patients"])],
            "term": "collapsed",
            "seriousness": {"life_threatening": "yes"},
            "site_aware_at": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        }
        headers = {
            "Authorization": f"Bearer {ward['watchers'][0]['token']}",
            "Content-Type": "application/json",
        }
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        try:
            sent = time.time_ns() // 1000
            connection.request("POST", "/api/v1/adverse-events/", json.dumps(body), headers)
            got = connection.getresponse()
            said = got.read()
        finally:
            connection.close()
        if got.status != 201:
            raise SystemExit(f"the report was refused: {got.status} {said[:300]!r}")
        return json.loads(said)["id"], sent


def worker_dies(clinic: Clinic) -> None:
    """Kill the worker, which may have the message."""
    clinic.restart("worker")


def relay_dies(clinic: Clinic) -> None:
    """Kill the relay, which may have leased the message."""
    clinic.restart("relay")


def live_relay_dies(clinic: Clinic) -> None:
    """Kill what publishes to the sockets."""
    clinic.restart("live")


def valkey_goes(clinic: Clinic) -> None:
    """Take the broker away for longer than anybody waits, with all that it held."""
    valkey = clinic.ground.valkey
    assert valkey.process is not None
    valkey.process.kill()
    valkey.process.wait()
    time.sleep(VALKEY_AWAY_SECONDS)
    valkey.running()
    valkey.start()


def postgres_crashes(clinic: Clinic) -> None:
    """End the database with no checkpoint; it recovers from its log."""
    postgres = clinic.ground.postgres
    assert postgres.process is not None
    os.kill(postgres.process.pid, signal.SIGQUIT)
    postgres.process.wait()
    postgres.running()
    postgres.start()


def nothing(_clinic: Clinic) -> None:
    """Let everything be well."""


CASES: tuple[tuple[str, Callable[[Clinic], None], int, float], ...] = (
    # what happens right after a report was answered, how many reports, seconds at most (p99)
    ("nothing", nothing, EVENTS, 2.0),
    ("the worker is killed", worker_dies, 5, 10.0),
    ("the relay is killed", relay_dies, 5, 10.0),
    ("the live relay is killed", live_relay_dies, 5, 10.0),
    ("Valkey is away", valkey_goes, 1, 30.0),
    ("PostgreSQL crashes", postgres_crashes, 1, 60.0),
)


def measure(ground: Ground, given: argparse.Namespace, goals: Goals) -> None:
    """Break one thing after another, each right after a report was answered."""
    print("\nscreens: a serious event is reported, the CRA's socket hears of it")
    with Clinic(ground).open() as clinic:
        for name, breaks, count, most in CASES:
            _case(clinic, name, breaks, count, most, goals)


def _case(
    clinic: Clinic, name: str, breaks: Callable[[Clinic], None], count: int, most: float,
    goals: Goals,
) -> None:  # fmt: skip
    token = clinic.ground.folder / "cra-token"
    token.write_text(clinic.ground.ward["cras"][0]["token"])
    options = ["-n", "1", "-await", str(count), "-log", '"record":"', "-tokens", str(token)]
    watching = Client(clinic.ground, "portal", *options, topic="notifications")
    reported = []
    for number in range(count):
        reported.append(clinic.report(number))
        breaks(clinic)
        time.sleep(PAUSE_SECONDS)
    arrivals = watching.go()["arrivals"] or {}
    latencies = [
        (min(arrivals[record]) - sent) / 1e6 if record in arrivals else float("inf")
        for record, sent in reported
    ]
    missing = latencies.count(float("inf"))
    found = f"{max(latencies):.2f} s" if not missing else f"{missing} of {count} never came"
    what = f"event to screen while {name}"
    goals.check(f"{what}: at most {most:g} s", max(latencies) <= most, found)
