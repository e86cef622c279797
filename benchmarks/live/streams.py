"""Two hundred open streams of progress: what they cost, and how others are answered meanwhile."""

import argparse
import http.client
import json
import socket
import statistics
import time
from pathlib import Path

from bed import wait_until
from ground import PORT, Ground, answer, resident_bytes
from report import Goals

STREAMS, REQUESTS = 200, 200
MOST_BYTES, MOST_THREADS, MOST_P95_MS = 100_000, 8, 100.0
SETTLE_SECONDS = 2.0


def measure(ground: Ground, given: argparse.Namespace, goals: Goals) -> None:
    """Open the streams in one process; look at its memory and threads, and ask for other things."""
    print(f"\nstreams: {STREAMS} streams of progress in one process")
    ground.renew_portal()
    process = ground.program("web")
    pid = process.process.pid
    streams: list[socket.socket] = []
    try:
        wait_until(lambda: answer([process], [PORT]), 60, "the portal answers")
        tokens = [one["token"] for one in ground.ward["cras"]]
        reports = [_ask_for_report(token) for token in tokens]
        _open(tokens[0], reports[0]).close()
        alone = _latencies(tokens[0])
        time.sleep(SETTLE_SECONDS)
        memory, threads = resident_bytes(pid), _threads(pid)
        for number in range(STREAMS):
            place = number % len(tokens)
            streams.append(_open(tokens[place], reports[place]))
        time.sleep(SETTLE_SECONDS)
        each = (resident_bytes(pid) - memory) / STREAMS
        more = _threads(pid) - threads
        beside = _latencies(tokens[0])
        _cancel(tokens[0], reports[0])
        told = [_read_event(one) for one in streams[:: len(tokens)]]
    finally:
        for stream in streams:
            stream.close()
        process.stop()
    p95 = beside[int(len(beside) * 0.95)]
    print(
        f"  other requests: median {statistics.median(alone):.1f} ms before, "
        f"{statistics.median(beside):.1f} beside, p95 {p95:.1f}\n"
    )
    found = f"{each / 1000:.1f} kB"
    goals.check(f"an open stream takes at most {MOST_BYTES // 1000} kB", each <= MOST_BYTES, found)
    goals.check(
        f"{STREAMS} streams take at most {MOST_THREADS} threads more",
        more <= MOST_THREADS,
        str(more),
    )
    goals.check(
        f"others are answered within {MOST_P95_MS:g} ms (p95)", p95 <= MOST_P95_MS, f"{p95:.1f} ms"
    )
    goals.check("the streams are told of a cancel", all(told), f"{sum(told)} of {len(told)}")


def _call(method: str, path: str, token: str, body: dict | None = None, **headers: str) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    headers |= {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        got = connection.getresponse()
        said = got.read()
    finally:
        connection.close()
    if got.status >= 300:
        raise SystemExit(f"{method} {path}: {got.status} {said[:300]!r}")
    return json.loads(said)


def _ask_for_report(token: str) -> str:
    """Nobody makes it: no runner is there."""
    return _call("POST", "/api/v1/reports/", token, {"kind": "audit_export"})["id"]


def _cancel(token: str, report: str) -> None:
    _call("POST", f"/api/v1/reports/{report}/cancel/", token, {}, **{"If-Match": '"1"'})


def _open(token: str, report: str) -> socket.socket:
    """Open a stream and read up to the end of its head."""
    stream = socket.create_connection(("127.0.0.1", PORT), timeout=30)
    stream.sendall(
        f"GET /api/v1/reports/{report}/events/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Accept: text/event-stream\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        part = stream.recv(4096)
        if not part:
            raise SystemExit("a stream ended before it began")
        head += part
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"a stream was refused: {head[:200]!r}")
    return stream


def _read_event(stream: socket.socket) -> bool:
    """Whether the stream tells that the report was canceled."""
    text = b""
    try:
        while b"event: canceled" not in text:
            part = stream.recv(4096)
            if not part:
                return False
            text += part
    except TimeoutError:
        return False
    return True


def _latencies(token: str) -> list[float]:
    found = []
    for _ in range(REQUESTS):
        begun = time.perf_counter()
        _call("GET", "/api/v1/auth/me/", token)
        found.append((time.perf_counter() - begun) * 1000)
    return sorted(found)


def _threads(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("Threads:"):
            return int(line.split()[1])
    return 0
