"""How busy a browser's main thread is with a live wall: 200 patients, an update of each a second.

A real Chromium stands before the wall of a site; updates are published from `broadcast()`, as the
relay does, through a real web process. The figure is TaskDuration of the page's own main thread.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _run import head, own_portal, verdict

NAME, PASSWORD = "watcher", "the benchmark's own"
BUSY_GOAL = 0.5
QUIET = {"PORTAL_PROCESS": "web", "PORTAL_LOG_LEVEL": "WARNING"}
FRAME_SECONDS, WARM_UP_SECONDS = 0.02, 8
CODES = (("heart_rate", "/min", 70), ("spo2", "%", 96), ("respiratory_rate", "/min", 16))
COUNT_FRAMES = """() => {
  window.frames_seen = [];
  const note = (at) => { window.frames_seen.push(at); requestAnimationFrame(note); };
  requestAnimationFrame(note);
}"""


def make_ward(patients: int) -> tuple[str, list[tuple[str, str]]]:
    """Make a site with patients and somebody who may watch them; return its id and who is there."""
    from django.contrib.auth.hashers import make_password

    from patients.models import Patient
    from portal.accounts.models import User, UserKind
    from portal.core import clock
    from portal.core.history import acting
    from portal.core.ids import SYSTEM_ACCOUNT
    from portal.demo.simulation.cohort import SITES, make_cohort
    from trials.models import Site
    from trials.services.assignments import assign_role

    at = clock.now()
    make_cohort("WALL-1", patients * SITES, at)
    site = Site.objects.order_by("code")[0]
    by = User.objects.get(pk=SYSTEM_ACCOUNT)
    with acting(by=SYSTEM_ACCOUNT, at=at, reason="benchmark"):
        person = User.objects.create(
            username=NAME, password=make_password(PASSWORD), kind=UserKind.PERSON
        )
    assign_role(person=person, role="doctor", where=site, from_at=at, by=by, at=at)
    rows = Patient.objects.filter(site=site).order_by("pk").values_list("pk", "subject_number")
    return str(site.pk), [(str(pk), subject) for pk, subject in rows]


def feed(site: str, patients: list[tuple[str, str]], rate: float) -> None:
    """Publish `rate` updates a second, for ever."""
    import django

    django.setup()
    from portal.live.broadcast import Published, broadcast
    from portal.live.topics import group
    from portal.live.watch import rights_state

    topic = f"site.{site}.vitals"
    name, rights, draws = group(topic), rights_state(), random.Random(7)

    def update(number: int) -> Published:
        patient, subject = patients[number % len(patients)]
        code, unit, usual = CODES[(number // len(patients)) % len(CODES)]
        value, at = usual + draws.randint(-3, 3), _now()
        data = {
            "reading": f"01980000-0000-7000-8000-{number:012d}", "version": 1, "status": "final",
            "patient": patient, "subject_number": subject, "code": code, "value": value,
            "unit": unit, "measured_at": at, "received_at": at, "late": False, "min": value,
            "max": value, "n": 1, "fresh_for_seconds": 900, "flags": [],
        }  # fmt: skip
        said = {
            "type": "update", "topic": topic, "sequence": number + 1, "kind": "vital_sign",
            "data": data, "sent_at": at,
        }  # fmt: skip
        return Published(name, json.dumps(said), f"{patient}/{code}/", number + 1, number or None)

    async def publish() -> None:
        begun, sent = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - begun) * rate)
            if due > sent:
                await broadcast([update(number) for number in range(sent, due)], rights)
                sent = due
            await asyncio.sleep(FRAME_SECONDS)

    asyncio.run(publish())


def _now() -> str:
    from portal.core import clock

    return clock.now().isoformat()


@contextmanager
def web(environment: dict[str, str]) -> Iterator[str]:
    """Give the address of a web process."""
    from portal.embedded.program_table import PROGRAMS

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = next(one for one in PROGRAMS if one.name == "web")
    command = program.command(host="127.0.0.1", port=port, data=environment["PORTAL_DATA"])
    process = subprocess.Popen(command, env=environment | QUIET)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit("the web process has ended") from None
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def watch(url: str, site: str, seconds: float, query: str) -> dict[str, Any]:
    """Stand before the wall and return how busy the page was, and what it drew."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("PORTAL_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(f"{url}/sign-in?next=/wall/site/{site}{query}")
        page.locator("input[name=username]").fill(NAME)
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("button[type=submit]").click()
        page.locator("article").first.wait_for(timeout=60_000)
        time.sleep(WARM_UP_SECONDS)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.evaluate(COUNT_FRAMES)
        before, begun = _metrics(session), time.monotonic()
        time.sleep(seconds)
        after, length = _metrics(session), time.monotonic() - begun
        frames = page.evaluate("() => window.frames_seen")
        found = {
            "busy": (after["TaskDuration"] - before["TaskDuration"]) / length,
            "script": (after["ScriptDuration"] - before["ScriptDuration"]) / length,
            "layout": (after["LayoutDuration"] - before["LayoutDuration"]) / length,
            "style": (after["RecalcStyleDuration"] - before["RecalcStyleDuration"]) / length,
            "steps": sorted(b - a for a, b in pairwise(frames)),
            "drawn": page.locator("article").count(),
            "patients": page.locator("li[data-id]").count(),
            "fresh": page.get_by_text("now", exact=True).count(),
            "heap": after["JSHeapUsedSize"] / 2**20,
        }
        browser.close()
        return found


def _metrics(session: Any) -> dict[str, float]:
    told = session.send("Performance.getMetrics")["metrics"]
    return {one["name"]: one["value"] for one in told}


def main() -> None:
    """Run it on a portal of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    head("./run bench wall")
    with own_portal() as environment:
        site, patients = make_ward(options.patients)
        feeder = multiprocessing.get_context("spawn").Process(
            target=feed, args=(site, patients, len(patients)), daemon=True
        )
        with web(environment) as url:
            feeder.start()
            try:
                shown = [
                    (words, watch(url, site, options.seconds, query))
                    for words, query in (("with trends", ""), ("compact", "%3Fdense=1"))
                ]
            finally:
                feeder.terminate()
    is_met = True
    for words, found in shown:
        steps = found["steps"]
        print(
            f"{words:<12}{found['patients']} patients, {found['drawn']} tiles on the screen, "
            f"{found['fresh']} current values: main thread {found['busy']:.0%} "
            f"(script {found['script']:.0%}, style {found['style']:.0%}, "
            f"layout {found['layout']:.0%}), {len(steps) / options.seconds:.0f} frames/s, "
            f"p99 between frames {steps[int(len(steps) * 0.99)]:.0f} ms, "
            f"longest {steps[-1]:.0f} ms, heap {found['heap']:.0f} MiB"
        )
        busy = found["busy"]
        is_met &= verdict(f"at most 50 %, {words}", f"{busy:.0%}", is_met=busy <= BUSY_GOAL)
    sys.exit(not is_met)


if __name__ == "__main__":
    main()
