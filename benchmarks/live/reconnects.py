"""Notices to sockets that are cut again and again: none is missing, twice or out of order."""

import argparse
import http.client
import json
import subprocess
import sys
from typing import Any

from bed import wait_until
from ground import HERE, PORT, Ground, answer
from report import Goals

SOCKETS, CUTS = 500, 500
PROGRAMS = ("web", "live")
PAGE = 500


def measure(ground: Ground, given: argparse.Namespace, goals: Goals) -> None:
    """Run once, and compare what the sockets have with what GET says."""
    people = ground.ward["watchers"]
    notices = given.rounds * len(people)
    print(f"\nreconnects: {SOCKETS} sockets, {CUTS} of them cut, {notices} notices")
    ground.renew_portal()
    programs = [ground.program(name) for name in PROGRAMS]
    try:
        wait_until(lambda: answer(programs, [PORT]), 60, "the portal answers")
        said = _run(ground, [one["id"] for one in people], given.rounds)
        differs = said["differing"] + sum(
            said["ids"].get(str(place)) != _listed(one["token"]) for place, one in enumerate(people)
        )
    finally:
        for program in programs:
            program.stop()
    print(f"  {said['opens']} times connected, {said['resyncs']} told to fetch anew\n")
    for what in ("gaps", "repeated", "behind"):
        name = {"behind": "sockets that lack the last", "repeated": "twice or out of order"}
        goals.check(f"notices: {name.get(what, what)}", said[what] == 0, str(said[what]))
    goals.check("what the clients have equals what GET says", differs == 0, f"{differs} differ")


def _run(ground: Ground, people: list[str], rounds: int) -> dict[str, Any]:
    command = [str(ground.cutter), "-n", str(SOCKETS), "-cuts", str(CUTS), "-each", str(rounds)]
    command += ["-addr", f"127.0.0.1:{PORT}", "-tokens", str(ground.tokens)]
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    client.stdout.readline()
    writer = subprocess.Popen(
        [sys.executable, str(HERE / "notices.py"), str(rounds), *people],
        env=ground.environment("command"),
    )
    said, _nothing = client.communicate("\n")
    if writer.wait():
        raise SystemExit("not every notice was written")
    return json.loads(said)


def _listed(token: str) -> list[str]:
    """Return the ids of somebody's notices as the API lists them, in the order of sequences."""
    found: list[dict[str, Any]] = []
    while True:
        after = found[-1]["sequence"] if found else 0
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        path = f"/api/v1/notifications/?after={after}&limit={PAGE}"
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        rows = json.loads(connection.getresponse().read())["results"]
        connection.close()
        if not rows:
            return [row["id"] for row in found]
        found += rows
