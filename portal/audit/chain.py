"""The arithmetic of the seals, a second time and in another language: verification trusts neither
the function that sealed nor a stored digest.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

GENESIS = hashlib.sha256(b"portal seals, version 1").digest()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Head:
    """What a witness keeps of a seal. `count` is the number of rows sealed so far."""

    number: int
    hash: str
    upto_id: int
    count: int
    sealed_at: str


@dataclass(frozen=True, slots=True)
class Link:
    """A seal as it is stored."""

    number: int
    previous_hash: bytes
    after_id: int
    upto_id: int
    sampled_id: int
    sampled_xid: int
    row_count: int
    total_count: int
    parts_digest: bytes
    sealed_at: datetime
    hash: bytes

    def computed_hash(self) -> bytes:
        """Return the hash that the other columns give."""
        parts: list[object] = [
            "v1",
            self.number,
            self.previous_hash.hex(),
            self.after_id,
            self.upto_id,
            self.sampled_id,
            self.sampled_xid,
            self.row_count,
            self.total_count,
            self.parts_digest.hex(),
            (self.sealed_at - _EPOCH) // _MICROSECOND,
        ]
        return hashlib.sha256("|".join(map(str, parts)).encode()).digest()

    def head(self) -> Head:
        """Return what a witness keeps."""
        return Head(
            number=self.number,
            hash=self.hash.hex(),
            upto_id=self.upto_id,
            count=self.total_count,
            sealed_at=self.sealed_at.astimezone(UTC).isoformat(),
        )


@dataclass(frozen=True, slots=True)
class Part:
    """The digest of some rows of one table, as it is stored."""

    id: int
    seal: int
    table: str
    layout: bytes
    after_id: int
    upto_id: int
    row_count: int
    digest: bytes
    marks: bytes

    def line(self) -> bytes:
        """Return the part's line in its seal's digest."""
        told: list[object] = [
            self.table,
            self.layout.hex(),
            self.after_id,
            self.upto_id,
            self.row_count,
            self.digest.hex(),
            hashlib.sha256(self.marks).hexdigest(),
        ]
        return "|".join(map(str, told)).encode() + b"\n"


def parts_digest(parts: list[Part]) -> bytes:
    """Return the digest of a seal's parts."""
    ordered = sorted(parts, key=lambda part: (part.table, part.after_id))
    return hashlib.sha256(b"".join(part.line() for part in ordered)).digest()


def layout_digest(table: str, columns: list[str]) -> bytes:
    """Return the digest by which parts name a table's columns."""
    return hashlib.sha256("\n".join([table, *columns]).encode()).digest()


def first_difference(sealed: bytes, found: bytes) -> tuple[int, str] | None:
    """Compare marks (16 bytes a row: id, digest); return the first bad row's id and what it is."""
    before, after = _marks(sealed), _marks(found)
    for row in sorted({*before, *after}):
        if row not in after:
            return row, "was removed"
        if row not in before:
            return row, "was slipped in after sealing"
        if before[row] != after[row]:
            return row, "was changed after sealing"
    return None


def _marks(text: bytes) -> dict[int, bytes]:
    return {
        int.from_bytes(text[start : start + 8], "big", signed=True): text[start + 8 : start + 16]
        for start in range(0, len(text), 16)
    }
