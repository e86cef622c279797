"""Write SAS transport files byte by byte, so that tests can also write broken ones.

Source: SAS TS-140.
"""

import struct
from pathlib import Path
from typing import Any

CARD = 80
Cell = str | bytes | float | None


def write_xpt(path: Path, name: str, rows: list[dict[str, Cell]], *, label: str = "") -> Path:
    """Write a version 5 file; a variable is numeric when its first filled cell is a number."""
    columns = _columns(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_headers(name, label, columns) + _data(rows, columns))
    return path


def _columns(rows: list[dict[str, Cell]]) -> dict[str, int | None]:
    """Name → length of a text column in bytes, None for a numeric one."""
    columns: dict[str, int | None] = {}
    for name in rows[0]:
        cells = [row[name] for row in rows if row[name] is not None]
        if cells and isinstance(cells[0], int | float):
            columns[name] = None
        else:
            columns[name] = max([1, *(len(_bytes(cell)) for cell in cells)])
    return columns


def _headers(name: str, label: str, columns: dict[str, int | None]) -> bytes:
    stamp = b"01JAN26:00:00:00"
    head = (
        _head("LIBRARY", "0" * 30)
        + _card(b"SAS     SAS     SASLIB  9.4     Linux   " + b" " * 24 + stamp)
        + _card(stamp)
        + _head("MEMBER ", "000000000000000001600000000140")
        + _head("DSCRPTR", "0" * 30)
        + _card(b"SAS     %-8bSASDATA 9.4     Linux   " % name.encode() + b" " * 24 + stamp)
        + _card(stamp + b" " * 16 + b"%-40b" % label.encode())
        + _head("NAMESTR", f"000000{len(columns):04d}".ljust(30, "0"))
    )
    variables, offset = b"", 0
    for number, (variable, length) in enumerate(columns.items(), 1):
        variables += struct.pack(
            ">hhhh8s40s8shhh2s8shhl52s",
            1 if length is None else 2,
            0,
            length or 8,
            number,
            variable.encode().ljust(8),
            f"Label of {variable}".encode().ljust(40),
            b" " * 8,
            0,
            0,
            0,
            b"\0\0",
            b" " * 8,
            0,
            0,
            offset,
            b"\0" * 52,
        )
        offset += length or 8
    return head + _filled(variables) + _head("OBS    ", "0" * 30)


def _data(rows: list[dict[str, Cell]], columns: dict[str, int | None]) -> bytes:
    return _filled(
        b"".join(
            _ibm(row[name]) if length is None else _bytes(row[name]).ljust(length)
            for row in rows
            for name, length in columns.items()
        )
    )


def _head(kind: str, numbers: str) -> bytes:
    return _card(f"HEADER RECORD*******{kind} HEADER RECORD!!!!!!!{numbers}  ".encode())


def _card(content: bytes) -> bytes:
    assert len(content) <= CARD
    return content.ljust(CARD)


def _filled(content: bytes) -> bytes:
    return content + b" " * (-len(content) % CARD)


def _bytes(cell: Any) -> bytes:
    return cell if isinstance(cell, bytes) else str(cell or "").encode()


def _ibm(value: Any) -> bytes:
    """A base-16 double; missing is a point followed by zeros."""
    if value is None:
        return b"." + b"\0" * 7
    if not value:
        return b"\0" * 8
    sign, value, exponent = (0x80 if value < 0 else 0), abs(float(value)), 64
    while value >= 1:
        value, exponent = value / 16, exponent + 1
    while value < 1 / 16:
        value, exponent = value * 16, exponent - 1
    return bytes([sign | exponent]) + int(value * (1 << 56)).to_bytes(7, "big")
