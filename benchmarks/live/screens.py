"""From the commit of a serious event to its notice on the screen of the CRA, whatever breaks."""

import argparse
import http.client
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import psycopg
from bed import Process, wait_until
from ground import PORT, Client, Ground, answer
from report import Goals

PROGRAMS = ("web", "worker", "relay", "live", "watcher")
EVENTS = 20
# The supervisor of ./run starts again what has ended, after so long.
RESTART_SECONDS = 1.0
VALKEY_AWAY_SECONDS = 15.0
PAUSE_SECONDS = 0.2
BACKLOG, A_CALL, POISON = 10_000, 500, 100

# Deliveries that no handler can run: the number of the version that it tells of is missing.
POISONED = """
INSERT INTO outbox_outboxdelivery
    (message_id, kind, version, handler, is_ordered, lane, resource, record_id, ordering_key)
SELECT gen_random_uuid(), 'adverse_event.amended', 1, 'events.handlers.tell_of_new_information',
    true, lane, 'adverse_event', gen_random_uuid(), gen_random_uuid()
FROM generate_series(1, %s), unnest('{0,1}'::int[]) AS lane
"""
WAITING = "SELECT count(*) FROM outbox_outboxdelivery WHERE state = 'pending' AND attempts = 0"
# When the row that was inserted became everybody's, by the database's own note of it.
COMMITTED = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM audit.events_adverseeventhistory
WHERE pgh_obj_id = %s ORDER BY pgh_id LIMIT 1
"""


class Clinic:
    """A running portal, a CRA who watches, a physician who reports."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.programs: dict[str, Process] = {}

    @contextmanager
    def open(self) -> Iterator["Clinic"]:
        """Start everything on a fresh database that notes when each transaction was committed."""
        ground = self.ground
        ground.execute("ALTER SYSTEM SET track_commit_timestamp = on", "postgres")
        ground.postgres.stop(10)
        ground.postgres.start()
        ground.renew_portal()
        try:
            for name in PROGRAMS:
                self.programs[name] = ground.program(name)
            wait_until(lambda: answer([*self.programs.values()], [PORT]), 60, "the portal answers")
            time.sleep(5)  # worker, relays and watcher have connected
            yield self
        finally:
            for program in self.programs.values():
                program.stop()

    def arm(self, name: str, failpoint: str) -> None:
        """Have a program end, once, where it hurts most; it runs when this returns."""
        self.programs[name].stop()
        reached = self.ground.folder / f"reached-{failpoint}"
        reached.unlink(missing_ok=True)
        told = f"{failpoint}=kill,nth=1,once={reached}"
        self.programs[name] = self.ground.program(name, PORTAL_MODE="test", FAILPOINTS=told)
        time.sleep(4)  # it has connected

    def was_reached(self, failpoint: str) -> bool:
        """Whether a program has ended there."""
        return (self.ground.folder / f"reached-{failpoint}").exists()

    def revive(self) -> None:
        """Start again what has ended, as ./run does."""
        for name, program in self.programs.items():
            if program.process.poll() is not None:
                program.stop()
                time.sleep(RESTART_SECONDS)
                self.programs[name] = self.ground.program(name)

    def kill(self, name: str) -> None:
        """Kill a program with everything it started; it comes back."""
        os.killpg(self.programs[name].process.pid, signal.SIGKILL)
        self.programs[name].process.wait()
        self.revive()

    def report(self, number: int) -> str:
        """Report a serious event; return its id."""
        ward = self.ground.ward
        body = {
            "patient": ward["patients"][number % len(ward["patients"])],
            "term": "collapsed",
            "seriousness": {"life_threatening": "yes"},
            "site_aware_at": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        }
        token = ward["physician"]["token"]
        return self.post("adverse-events/", token, json.dumps(body), 201)["id"]

    def post(self, path: str, token: str, body: str, status: int):
        """Send something that is taken. Raises: SystemExit."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        try:
            connection.request("POST", f"/api/v1/{path}", body, headers)
            got = connection.getresponse()
            said = got.read()
        finally:
            connection.close()
        if got.status != status:
            raise SystemExit(f"{path} was refused: {got.status} {said[:300]!r}")
        return json.loads(said)

    def heap_up(self) -> None:
        """Let ten thousand reports wait, and poison among them, in either lane."""
        self.programs["relay"].stop()
        for place in range(0, BACKLOG, A_CALL):
            patient, token = self.ground.ward["phones"][place // A_CALL]
            reports = [_report(patient) for _ in range(A_CALL)]
            self.post("intake/batch/", token, json.dumps({"reports": reports}), 200)
        with psycopg.connect(self.ground.url("postgres"), autocommit=True) as asked:
            asked.execute(POISONED, [POISON])
        self.revive()

    def committed(self, event: str) -> float:
        """Return when an event was committed, in seconds of the epoch."""
        with psycopg.connect(self.ground.url("postgres")) as asked:
            row = asked.execute(COMMITTED, [event]).fetchone()
        assert row is not None and row[0] is not None, event
        return float(row[0])

    def waiting(self) -> int:
        """Return how many deliveries nobody has tried yet."""
        with psycopg.connect(self.ground.url("postgres")) as asked:
            return asked.execute(WAITING).fetchone()[0]


def _report(patient: str) -> dict[str, object]:
    at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    key = (time.time_ns() // 1_000_000 << 80) | (7 << 76) | random.getrandbits(76)
    key = key & ~(3 << 62) | (2 << 62)
    return {
        "submission_id": str(UUID(int=key)),
        "patient": patient,
        "instrument": "daily-diary",
        "instrument_version": "1.0",
        "authored_at": at,
        "originator": "participant",
        "answers": {"pain": 3, "nausea": 1, "fatigue": 2},
        "vitals": [{"code": "heart_rate", "value": 72, "unit": "/min", "measured_at": at}],
    }


# --- what breaks ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """What breaks, how often it is tried, and how many seconds a notice may take (p99).

    `before` prepares the moment before a report, `after` comes right after it was answered.
    """

    name: str
    count: int
    most: float
    before: Callable[[Clinic], None] = lambda clinic: None
    after: Callable[[Clinic], None] = lambda clinic: None


def dies_at(program: str, failpoint: str) -> Case:
    """Kill a program where it is worst, each time anew."""

    def after(clinic: Clinic) -> None:
        wait_until(lambda: clinic.was_reached(failpoint), 60, f"{failpoint} was reached")
        clinic.revive()

    name = f"{program} is killed at {failpoint}"
    return Case(name, 3, 10.0, lambda clinic: clinic.arm(program, failpoint), after)


def is_killed(program: str) -> Case:
    """Kill a program, with all it started, right after a report."""
    return Case(f"{program} is killed", 5, 10.0, after=lambda clinic: clinic.kill(program))


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


CASES = (
    Case("nothing breaks", EVENTS, 2.0),
    *(is_killed(program) for program in ("worker", "relay", "live", "watcher")),
    dies_at("worker", "task.before_effect"),
    dies_at("worker", "task.mid"),
    dies_at("relay", "relay.after_claim"),
    dies_at("relay", "relay.after_publish"),
    dies_at("live", "live.before_publish"),
    dies_at("watcher", "notices.after_step"),
    Case("Valkey is away", 1, 30.0, after=valkey_goes),
    Case("PostgreSQL crashes", 1, 60.0, after=postgres_crashes),
)
BEHIND_A_BACKLOG = (CASES[0], CASES[1], CASES[2], CASES[-2], CASES[-1])


def measure(ground: Ground, given: argparse.Namespace, goals: Goals) -> None:
    """Break one thing after another, each right after a report was answered."""
    print("\nscreens: a serious event is committed, the CRA's socket hears of it")
    with Clinic(ground).open() as clinic:
        for case in CASES:
            _case(clinic, case, goals)
        for case in BEHIND_A_BACKLOG:
            clinic.heap_up()
            _case(clinic, case, goals, f" behind {BACKLOG} reports and poison")


def _case(clinic: Clinic, case: Case, goals: Goals, where: str = "") -> None:
    token = clinic.ground.folder / "cra-token"
    token.write_text(clinic.ground.ward["cras"][0]["token"])
    options = ["-n", "1", "-await", str(case.count), "-log", '"record":"', "-tokens", str(token)]
    watching = Client(clinic.ground, "portal", *options, topic="notifications")
    reported, waited = [], []
    for number in range(case.count):
        case.before(clinic)
        reported.append(clinic.report(number))
        if where:
            waited.append(clinic.waiting())
        case.after(clinic)
        time.sleep(PAUSE_SECONDS)
    arrivals = watching.go()["arrivals"] or {}
    latencies = [
        min(arrivals[event]) / 1e6 - clinic.committed(event) if event in arrivals else float("inf")
        for event in reported
    ]
    missing = latencies.count(float("inf"))
    found = f"longest {max(latencies):.2f} s" if not missing else f"{missing} never came"
    if where:
        found += f", {min(waited)} to {max(waited)} waited then"
    goals.check(
        f"commit to screen while {case.name}{where}: at most {case.most:g} s",
        max(latencies) <= case.most,
        found,
    )
