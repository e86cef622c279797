"""Lines that nobody takes are left out, and those that are taken are whole."""

import os
from collections.abc import Iterator

import pytest

from portal.unhindered import Outlet

Pipe = tuple[int, Outlet]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, Outlet(writing, 0.0)
    for end in (reading, writing):
        os.close(end)


def read_all(reading: int) -> bytes:
    parts = []
    while True:
        try:
            parts.append(os.read(reading, 2**20))
        except BlockingIOError:
            return b"".join(parts)


@pytest.mark.req("F111")
def test_reader_who_is_behind_misses_lines_and_gets_whole_ones_again(pipe: Pipe) -> None:
    reading, outlet = pipe
    taken = 0
    while outlet.write(b"%06d\n" % taken):
        taken += 1
    assert not outlet.write(b"lost\n")

    assert read_all(reading) == b"".join(b"%06d\n" % number for number in range(taken))
    assert outlet.write(b"again\n")
    assert read_all(reading) == b"again\n"


@pytest.mark.req("F111")
def test_line_that_was_cut_short_ends_where_the_next_one_begins(pipe: Pipe) -> None:
    reading, outlet = pipe
    assert not outlet.write(b"x" * 2**20 + b"\n")
    cut = read_all(reading)
    assert cut and not cut.endswith(b"\n")

    assert outlet.write(b"whole\n")
    assert read_all(reading) == b"\nwhole\n"


@pytest.mark.req("F111")
def test_reader_who_has_left_stops_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    outlet = Outlet(writing, 0.0)
    assert not outlet.write(b"anything\n")
    os.close(writing)
