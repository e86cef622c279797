"""What an import did, for people to read: rows per dataset, records, findings, provenance."""

from dataclasses import dataclass, field

from patients.services.import_evaluation import ImportEvaluation
from portal.exchange.sdtm.importing.context import Study
from portal.exchange.sdtm.reading.dataset import Dataset
from portal.exchange.sdtm.reading.folder import StudyFolder
from portal.exchange.sdtm.rules.catalog import Rule


@dataclass(slots=True)
class DatasetSummary:
    """One file: how many rows, and whether they became records or stay source records."""

    name: str
    domain: str
    rows: int
    has_records: bool


@dataclass(slots=True)
class Summary:
    """The result of one import."""

    trial_number: str
    is_unchanged: bool = False
    is_dry_run: bool = False
    datasets: list[DatasetSummary] = field(default_factory=list)
    records: dict[str, int] = field(default_factory=dict)
    findings: list[tuple[Rule, int, int]] = field(default_factory=list)
    provenance: dict[str, int] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    # What the rules in force found, where that was asked for.
    evaluation: ImportEvaluation | None = None

    @property
    def rows(self) -> int:
        """All rows that were read."""
        return sum(dataset.rows for dataset in self.datasets)

    def occurrences(self, rule_id: str) -> int:
        """How often a rule fired."""
        return next((count for rule, _, count in self.findings if rule.id == rule_id), 0)

    def add(self, dataset: Dataset, *, has_records: bool) -> None:
        """Note a dataset that was read to its end."""
        self.datasets.append(
            DatasetSummary(dataset.name, dataset.domain, dataset.row_count, has_records)
        )

    def finish(self, study: Study, folder: StudyFolder) -> None:
        """Take over what was counted."""
        self.records = study.writer.counts(with_protected=not study.is_blinded)
        self.findings = study.findings.summary()
        self.provenance = dict(sorted(study.counts.items()))
        self.ignored = folder.ignored
