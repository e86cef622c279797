"""Keep every file and every row as it was; the unblinding part of a row in the protected schema."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from patients.models import ProtectedSourceRecord, SourceFile, SourceRecord
from portal.exchange.sdtm.importing.context import Person, Study
from portal.exchange.sdtm.importing.protection import split_row
from portal.exchange.sdtm.importing.writer import Ready
from portal.exchange.sdtm.reading.dataset import Dataset, Row


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a row is kept: the id of its record, and whether only the unblinded may see it."""

    id: UUID
    is_protected: bool


class Sources:
    """Write source files and source records."""

    def __init__(self, study: Study, folder_digest: str) -> None:
        self.study = study
        writer = study.writer
        self.files = writer.table(
            SourceFile,
            "name",
            "digest",
            "dataset",
            "label",
            "row_count",
            "variables",
            trial_id=study.trial_id,
            folder_digest=folder_digest,
        )
        columns = ("file_id", "patient_id", "site_id", "row_number", "variables")
        self.open = writer.table(SourceRecord, *columns, trial_id=study.trial_id)
        self.protected = writer.table(ProtectedSourceRecord, *columns, trial_id=study.trial_id)

    def file(self, dataset: Dataset) -> Ready:
        """Write one file and return its key."""
        define = self.study.define.datasets.get(dataset.name) if self.study.define else None
        variables: list[dict[str, Any]] = [
            {"name": v.name, "label": v.label, "type": v.type.value, "length": v.length}
            for v in dataset.variables
        ]
        key = self.files.add(
            dataset.relative_path,
            dataset.sha256,
            dataset.name,
            dataset.label or (define.label if define else ""),
            dataset.row_count,
            variables,
        )
        return Ready(key)

    def keep(
        self, file_id: Ready, dataset: Dataset, number: int, row: Row, person: Person | None
    ) -> Kept:
        """Keep one row and return where."""
        if self.study.is_blinded:
            seen, hidden = split_row(dataset.domain, row)
        else:
            seen = {name: value for name, value in row.items() if value is not None and value != ""}
            hidden = {}
        place = (file_id, *(person.place if person else (None, None)), number)
        key = self.study.writer.ids.next()
        if hidden:
            self.protected.add(*place, hidden, key=key)
        if seen or not hidden:
            self.open.add(*place, seen, key=key)
        return Kept(key, is_protected=bool(hidden) and not seen)
