"""What a verification found."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written.

    `row` is a history id, `seal` a seal's number, `record` the key of a row that its history
    contradicts.
    """

    why: str
    table: str = ""
    row: int | None = None
    seal: int | None = None
    record: str = ""

    def __str__(self) -> str:
        where = [
            f"seal {self.seal}" if self.seal is not None else "",
            f"{self.table} row {self.row}" if self.row is not None else self.table,
            f"record {self.record}" if self.record else "",
        ]
        return f"{', '.join(part for part in where if part)}: {self.why}".removeprefix(": ")


@dataclass(slots=True)
class Report:
    """What was looked at and what is wrong with it."""

    seals: int = 0
    rows: int = 0
    tables: int = 0
    head: str = ""
    unsealed: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def add(self, why: str, **where: Any) -> None:
        """Note a finding; `where` is what Finding takes."""
        self.findings.append(Finding(why=why, **where))

    def sort(self) -> None:
        """Put the first bad row of the trail first, then records, then what concerns no row."""
        self.findings.sort(key=lambda f: (f.row is None, f.record, f.row or 0, f.seal or 0))
