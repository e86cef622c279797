"""The phones of a simulation: what they write, and how they behave towards the portal."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID

import pytest

from portal.demo.generator.draws import Draws
from portal.demo.simulation.bodies import BY_THE_SECOND, DIARY_EVERY, writer_of
from portal.demo.simulation.course import course_of
from portal.demo.simulation.outbox import Outbox, Upload
from portal.demo.simulation.phone import BATCH, REPORTS, VITALS, Line, Manners, Phone, Step

BEGINS = datetime(2026, 3, 4, 2, tzinfo=UTC)
PATIENT = UUID("01920000-0000-7000-8000-000000000001")


def uploads(seed: int, *, is_monitored: bool = True) -> list[Upload]:
    writer = writer_of(seed, PATIENT, "Europe/Paris", BEGINS, is_monitored=is_monitored)
    return [writer.upload(number, BEGINS + timedelta(seconds=30 * number)) for number in range(40)]


def test_equal_seeds_write_equal_bytes_and_another_seed_others() -> None:
    assert uploads(1) == uploads(1)
    assert not {u.body for u in uploads(1)} & {u.body for u in uploads(2)}


def test_every_upload_has_a_time_ordered_id_of_its_own() -> None:
    keys = [upload.submission_id for upload in uploads(1)]
    assert sorted(set(keys)) == keys
    assert {key.version for key in keys} == {7}


def test_a_monitor_sends_the_parameters_of_an_early_warning_score_and_a_cuff_does_not() -> None:
    def codes(upload: Upload) -> set[str]:
        return {reading["code"] for reading in json.loads(upload.body)["readings"]}

    ward, home = uploads(1)[1], uploads(1, is_monitored=False)[1]
    assert codes(ward) >= {"respiratory_rate", "spo2", "consciousness", "supplemental_oxygen"}
    assert codes(home) == {"systolic_bp", "diastolic_bp", "heart_rate"}
    assert uploads(1)[DIARY_EVERY].path == REPORTS


def test_a_bedside_monitor_measures_every_second_once_whatever_is_sent_together() -> None:
    writer = writer_of(1, PATIENT, "Europe/Paris", BEGINS, is_monitored=True)
    sent = [writer.samples(n, BEGINS + timedelta(seconds=5 * n), 5) for n in range(12)]
    assert sent == [writer.samples(n, BEGINS + timedelta(seconds=5 * n), 5) for n in range(12)]
    readings = [one for upload in sent for one in json.loads(upload.body)["readings"]]
    assert {one["method"] for one in readings} == {"continuous"}
    for code in BY_THE_SECOND:
        taken = [datetime.fromisoformat(r["measured_at"]) for r in readings if r["code"] == code]
        assert taken == [BEGINS + timedelta(seconds=second) for second in range(60)]
    assert len({upload.submission_id for upload in sent}) == 12
    assert {upload.path for upload in sent} == {VITALS}


def test_temperature_follows_the_day_and_illness() -> None:
    course = course_of(1, PATIENT, "UTC")
    before = course.spells[0].starts - 1
    night, day = BEGINS.replace(hour=4), BEGINS.replace(hour=16)
    assert course.reading("temperature", night, before) < course.reading("temperature", day, before)
    feverish = next(
        (patient, spell)
        for number in range(50)
        for patient in [course_of(number, PATIENT, "UTC")]
        for spell in patient.spells
        if spell.kind.effects.get("temperature", 0) > 1
    )
    ill, spell = feverish
    middle = spell.starts + spell.lasts / 2
    assert ill.effect("temperature", middle) > ill.effect("temperature", spell.starts - 1)


def test_an_outbox_outlives_its_phone(tmp_path: Path) -> None:
    first, second, third = uploads(1)[:3]
    box = Outbox(tmp_path / "outbox")
    for upload in (first, second, third):
        box.put(upload)
    box.settle(second.submission_id)
    assert list(Outbox(tmp_path / "outbox").pending.values()) == [first, third]


Answer = Callable[[str, bytes], tuple[int, str, bytes] | None]


async def _serve(answer: Answer) -> tuple[asyncio.Server, str]:
    """Serve one answer per request; None hangs up without one."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                said = answer(head.split()[1].decode(), body)
                if said is None:
                    break
                status, headers, text = said
                writer.write(
                    f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {len(text)}\r\n\r\n".encode()
                    + text
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _send(answer: Answer, sent: list[Upload], manners: Manners) -> tuple[Phone, list[Line]]:
    server, url = await _serve(answer)
    history: list[Line] = []
    phone = Phone(
        patient=PATIENT,
        token="t",
        url=url,
        draws=Draws(1),
        manners=manners,
        tell=history.append,
    )
    for upload in sent:
        phone.outbox.put(upload)
    await asyncio.wait_for(phone.send_all(), 60)
    phone.close()
    server.close()
    return phone, history


HURRIED = Manners(hurry=1000)


@pytest.mark.parametrize("trouble", ["hang up", "503", "429"])
async def test_what_was_not_taken_is_sent_again_with_the_same_bytes(trouble: str) -> None:
    bodies: list[bytes] = []

    def answer(path: str, body: bytes) -> tuple[int, str, bytes] | None:
        bodies.append(body)
        if len(bodies) == 3:
            return 202, "", b"{}"
        return None if trouble == "hang up" else (int(trouble), "Retry-After: 1\r\n", b"{}")

    phone, history = await _send(answer, uploads(1)[1:2], HURRIED)
    assert bodies == [uploads(1)[1].body] * 3
    assert not phone.outbox.pending
    outcomes = [line.step for line in history if line.step is not Step.INVOKE]
    refused = Step.FAIL if trouble == "429" else Step.INFO
    assert outcomes == [refused, refused, Step.OK]


async def test_a_queue_of_reports_goes_in_one_call_and_each_has_its_own_verdict() -> None:
    reports = [upload for upload in uploads(1) if upload.path == REPORTS][:3]
    calls: list[str] = []

    def answer(path: str, body: bytes) -> tuple[int, str, bytes] | None:
        calls.append(path.rpartition("v1/")[2])
        if len(calls) > 1:
            return 202, "", b"{}"
        keys = [report["submission_id"] for report in json.loads(body)["reports"]]
        results = [
            {"submission_id": key, "status": status}
            for key, status in zip(keys, (202, 400, 503), strict=True)
        ]
        return 200, "", json.dumps({"results": results}).encode()

    phone, history = await _send(answer, reports, HURRIED)
    assert calls == [BATCH, REPORTS]
    assert phone.refused == [(reports[1].submission_id, 400)]
    assert [line.key for line in history if line.step is Step.OK] == [
        reports[0].submission_id,
        reports[2].submission_id,
    ]


async def test_a_phone_whose_token_is_refused_stops_and_keeps_what_it_has() -> None:
    phone, _history = await _send(lambda path, body: (401, "", b"{}"), uploads(1)[1:3], HURRIED)
    assert phone.is_shut_out
    assert len(phone.outbox.pending) == 2


async def test_phones_stay_away_as_long_as_they_are_asked_and_not_all_equally_long() -> None:
    def answer(path: str, body: bytes) -> tuple[int, str, bytes] | None:
        return 503, "Retry-After: 7\r\n", b"{}"

    server, url = await _serve(answer)
    waits = []
    for number in range(5):
        phone = Phone(patient=PATIENT, token="t", url=url, draws=Draws(number))
        phone.outbox.put(uploads(1)[1])
        waits.append(await phone.send_once())
        phone.close()
    server.close()
    assert min(waits) > 7
    assert len(set(waits)) == len(waits)


def test_an_upload_is_vitals_or_a_report() -> None:
    assert {upload.path for upload in islice(uploads(1), 20)} == {REPORTS, VITALS}
