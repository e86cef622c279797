"""Show an import on a terminal: a progress bar where there is one, plain lines where not."""

import sys
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from portal.exchange.sdtm.importing.summary import Summary
from portal.exchange.sdtm.reading.dataset import Dataset
from portal.exchange.sdtm.reading.folder import StudyFolder


class Reporter:
    """Progress on standard error, the summary on standard output."""

    def __init__(self, out: Any, err: Any) -> None:
        self.out, self.err = out, err
        self.bar: Progress | None = None
        self.task: Any = None
        self.seen: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def start(self, folder: StudyFolder) -> None:
        """Begin to show how far the rows are."""
        rows = sum(dataset.row_count for dataset in folder.datasets)
        self.err.write(f"{len(folder.datasets)} datasets, {rows} rows in {folder.path}")
        if sys.stderr.isatty():
            self.bar = Progress(
                TextColumn("{task.description:<8}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
            )
            self.bar.start()
            self.task = self.bar.add_task("", total=rows)

    def advance(self, dataset: Dataset, rows: int) -> None:
        """Note that rows of a dataset were read."""
        if self.bar is not None:
            self.bar.update(self.task, advance=rows, description=dataset.name)
            return
        self.seen[dataset.name] = self.seen.get(dataset.name, 0) + rows
        if self.seen[dataset.name] >= dataset.row_count:
            self.err.write(f"{dataset.name}: {dataset.row_count} rows")

    def show(self, summary: Summary) -> None:
        """Print the summary."""
        if summary.is_unchanged:
            self.out.write(
                f"Trial {summary.trial_number} was imported from this very folder: no change."
            )
            self._evaluated(summary)
            return
        console = Console(file=self.out, width=100)
        for table in (
            _datasets(summary),
            _two_columns("Records", summary.records),
            _findings(summary),
            _two_columns("Provenance: nobody needs to act", summary.provenance),
        ):
            console.print(table)
        if summary.ignored:
            console.print(f"Not datasets, ignored: {', '.join(summary.ignored)}")
        done = "would be imported (dry run)" if summary.is_dry_run else "imported"
        console.print(f"Trial {summary.trial_number} {done}: {summary.rows} rows.")
        self._evaluated(summary)

    def _evaluated(self, summary: Summary) -> None:
        """Say what the rules found, where that was asked for."""
        found = summary.evaluation
        if found is None:
            return
        if not found.rules:
            self.out.write(
                "No rule is in force: nothing was evaluated. Put rules into force, then ask again."
            )
            return
        self.out.write(
            f"{found.rules} rules looked at the readings of {found.patients} patients: "
            f"{found.alerts} alerts."
        )


def _datasets(summary: Summary) -> Table:
    table = Table(title="Rows per dataset", title_justify="left")
    table.add_column("dataset")
    table.add_column("domain")
    table.add_column("rows", justify="right")
    table.add_column("kept as")
    for dataset in summary.datasets:
        kept = "records" if dataset.has_records else "source records"
        table.add_row(dataset.name, dataset.domain, str(dataset.rows), kept)
    return table


def _findings(summary: Summary) -> Table:
    table = Table(title="Findings per rule", title_justify="left")
    table.add_column("severity")
    table.add_column("rule")
    table.add_column("for")
    table.add_column("findings", justify="right")
    table.add_column("occurrences", justify="right")
    for rule, findings, occurrences in summary.findings:
        table.add_row(rule.severity.value, rule.id, rule.owner, str(findings), str(occurrences))
    return table


def _two_columns(title: str, counts: dict[str, int]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("what")
    table.add_column("count", justify="right")
    for name, count in counts.items():
        table.add_row(name, str(count))
    return table
