"""One import from folder to trial: everything or nothing, in one transaction."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, models

from patients.models import SourceFile
from patients.services.import_evaluation import evaluate_import
from patients.vocabulary import EntrySource
from portal.accounts.models import User
from portal.core.errors import RuleBroken
from portal.core.history import Source, acting
from portal.core.ids import uuid7
from portal.exchange.sdtm.importing.checks import RowChecks
from portal.exchange.sdtm.importing.context import Line, Study
from portal.exchange.sdtm.importing.design import Design, blinding_of, phase_of
from portal.exchange.sdtm.importing.findings import Findings, Where
from portal.exchange.sdtm.importing.parts import handlers_of, ordered
from portal.exchange.sdtm.importing.sources import Sources
from portal.exchange.sdtm.importing.subjects import (
    PatientTables,
    check_deaths,
    learn_outcomes,
    meet,
)
from portal.exchange.sdtm.importing.summary import Summary
from portal.exchange.sdtm.importing.writer import Ready, RowIds, Writer
from portal.exchange.sdtm.reading.dataset import Dataset, Row, SourceUnreadable
from portal.exchange.sdtm.reading.folder import StudyFolder, names_subjects, read_rows
from portal.exchange.sdtm.values.numbers import text_of
from trials.models import Sponsor, Trial
from trials.vocabulary import Blinding, TrialStatus

DESIGN = ("TS", "TA", "TE", "TV", "TI")
_LOCK = 7_201_553_308  # one import at a time, whoever runs it

Progress = Callable[[Dataset, int], None]


class SubjectsMissing(SourceUnreadable):
    """There is no dataset DM: without it nobody knows whose data these are."""

    code = "source_subjects_missing"


class OtherImportRuns(RuleBroken):
    """Another import is running; wait until it has ended."""

    code = "import_running"


class TrialNumberTaken(RuleBroken):
    """This trial exists already, from other data; give the new one its own number with --trial."""

    code = "trial_number_taken"


class ImportFailed(SourceUnreadable):
    """The database did not take the data; nothing was imported."""

    code = "import_failed"


class _OnlyTried(Exception):
    """Ends the transaction of a dry run, so that nothing stays."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the person who imports decides."""

    trial_number: str = ""
    sponsor_name: str = ""
    zone: str | None = None
    is_unblinded: bool = False
    is_dry_run: bool = False
    # Whether the rules in force look at it; by itself an import is history and alerts nobody.
    is_evaluated: bool = False


def import_study(
    folder: StudyFolder,
    choices: Choices,
    *,
    by: User,
    at: datetime,
    after: Callable[[UUID], None] = lambda _: None,
    progress: Progress = lambda _dataset, _rows: None,
) -> Summary:
    """Import a folder as one trial; the same folder again changes nothing.

    A study is (sponsor, trial number, digest of the folder). `after` runs in the same transaction
    with the trial's key. With `is_evaluated` the rules that are in force look at the readings when
    all of it has arrived: of a new trial there are none yet, so that is asked for again later.
    Locks: one advisory lock of the database, so that imports run one after the other.
    Raises: OtherImportRuns, TrialNumberTaken, SubjectsMissing, ImportFailed, SourceUnreadable.
    """
    run = _Run(folder, choices, by, at, progress)
    summary = _imported(run, after)
    if choices.is_evaluated and not summary.is_dry_run:
        trial = Trial.objects.get(sponsor__name=run.sponsor_name, number=summary.trial_number)
        summary.evaluation = evaluate_import(trial=trial, by=by, at=at, reason=_reason(folder))
    return summary


def _reason(folder: StudyFolder) -> str:
    return f"import of {folder.path.name} (SHA-256 {folder.digest})"


def _imported(run: "_Run", after: Callable[[UUID], None]) -> Summary:
    try:
        with acting(by=run.by, at=run.at, reason=_reason(run.folder), source=Source.IMPORT):
            _one_at_a_time()
            known = run.known_trial()
            if known is not None:
                return Summary(trial_number=known.number, is_unchanged=True)
            summary = run.everything()
            after(run.trial_id)
            if run.choices.is_dry_run:
                raise _OnlyTried
            return summary
    except _OnlyTried:
        summary.is_dry_run = True
        return summary
    except DatabaseError as error:
        problem = str(error).strip().splitlines()[0]
        raise ImportFailed(
            run.file, f"{ImportFailed.__doc__} The database says: {problem}", row=run.row
        ) from error


class _Run:
    def __init__(
        self, folder: StudyFolder, choices: Choices, by: User, at: datetime, progress: Progress
    ) -> None:
        self.folder, self.choices, self.by, self.at = folder, choices, by, at
        self.progress = progress
        self.file, self.row = str(folder.path), 0
        self.trial_id = uuid7()
        self.design_rows: dict[str, list[Row]] = {
            domain: [row for _, row in self._all_rows(domain)] for domain in ("DM", *DESIGN)
        }
        if not self.design_rows["DM"]:
            raise SubjectsMissing(folder.path)
        self.parameters = {
            text_of(row.get("TSPARMCD")): text_of(row.get("TSVAL"))
            for row in reversed(self.design_rows["TS"])
        }
        self.number = choices.trial_number or text_of(self.design_rows["DM"][0].get("STUDYID"))
        self.sponsor_name = choices.sponsor_name or self.parameters.get("SPONSOR") or self.number

    def _all_rows(self, domain: str) -> Iterator[tuple[int, Row]]:
        for dataset in self.folder.of_domain(domain):
            for chunk in read_rows(dataset):
                yield from enumerate(chunk.rows, chunk.first_row)

    def known_trial(self) -> Trial | None:
        """Return the trial when it was imported from this very folder. Raises: TrialNumberTaken."""
        trial = Trial.objects.filter(sponsor__name=self.sponsor_name, number=self.number).first()
        if trial is None:
            return None
        digests = SourceFile.objects.filter(trial=trial).values_list("folder_digest", flat=True)
        if self.folder.digest in set(digests[:1]):
            return trial
        raise TrialNumberTaken(
            f"{self.sponsor_name} has a trial {self.number} already, from other data: "
            "give this one its own number with --trial."
        )

    def everything(self) -> Summary:
        """Write the whole study."""
        self._write_trial()
        findings = Findings(trial_id=self.trial_id, is_blinded=not self.choices.is_unblinded)
        writer = Writer(
            clinical={
                "trial_id": self.trial_id,
                "entry_source": EntrySource.IMPORT.value,
                "created_at": self.at,
            },
            ids=RowIds(self.at),
            on_cut=lambda *cut: _report_cut(findings, *cut),
        )
        study = Study(
            trial_id=self.trial_id,
            import_user_id=self.by.pk,
            at=self.at,
            is_blinded=not self.choices.is_unblinded,
            writer=writer,
            findings=findings,
            define=self.folder.define,
        )
        summary = Summary(trial_number=self.number)
        with writer:
            self._write_study(study, summary)
        summary.finish(study, self.folder)
        return summary

    def _write_study(self, study: Study, summary: Summary) -> None:
        design = Design(study, self.design_rows)
        design.write()
        meet(study, self.design_rows["DM"], trial_number=self.number, zone=self.choices.zone)
        for domain in ("DS", "EX"):
            learn_outcomes(study, domain, (row for _, row in self._all_rows(domain)))
        self._write_rows(study, design, summary)
        check_deaths(study)
        study.findings.write(study.writer)
        study.writer.flush()

    def _write_trial(self) -> None:
        sponsor, _ = Sponsor.objects.get_or_create(name=self.sponsor_name)
        blinding = blinding_of(self.parameters.get("TBLIND", ""))
        opened = self.choices.is_unblinded and blinding is not Blinding.OPEN
        define = self.folder.define
        Trial.objects.create(
            id=self.trial_id,
            sponsor=sponsor,
            number=self.number,
            title=(
                self.parameters.get("TITLE")
                or (define.study_description if define else "")
                or self.number
            )[:500],
            phase=phase_of(self.parameters.get("TPHASE", "")),
            status=TrialStatus.COMPLETED,
            blinding=blinding,
            unblinded_at=self.at if opened else None,
            is_imported=True,
        )

    def _write_rows(self, study: Study, design: Design, summary: Summary) -> None:
        tables = PatientTables(study)
        sources = Sources(study, self.folder.digest)
        handlers, finishing = handlers_of(study, design, tables)
        for dataset in ordered(self.folder.datasets):
            handler = handlers.get(dataset.domain)
            if handler is None and dataset.domain.startswith("SUPP"):
                handler = handlers["SUPP"]
            checks = RowChecks(study, dataset)
            file_id = sources.file(dataset)
            for line in self._lines(study, sources, dataset, file_id):
                checks.check(line)
                if handler is not None and line.person is not None:
                    handler(line)
                study.writer.breathe()
            summary.add(dataset, has_records=handler is not None)
        for finish in finishing:
            finish()

    def _lines(
        self, study: Study, sources: Sources, dataset: Dataset, file_id: Ready
    ) -> Iterator[Line]:
        self.file = dataset.relative_path
        sequence_variable = f"{dataset.domain}SEQ"
        has_subjects = names_subjects(dataset)
        for chunk in read_rows(dataset):
            for number, row in enumerate(chunk.rows, chunk.first_row):
                self.row = number
                usubjid = text_of(row.get("USUBJID")) if has_subjects else ""
                person = study.people.get(usubjid)
                kept = sources.keep(file_id, dataset, number, row, person)
                line = Line(
                    study=study,
                    dataset=dataset,
                    number=number,
                    row=row,
                    source_id=kept.id,
                    person=person,
                    usubjid=usubjid,
                    sequence_variable=sequence_variable,
                    sequence=text_of(row.get(sequence_variable)),
                    source_is_protected=kept.is_protected,
                )
                if usubjid and person is None:
                    line.report("unknown_subject", variable="USUBJID", subject=usubjid)
                yield line
            _report_foreign(study, dataset, chunk.foreign_cells)
            self.progress(dataset, len(chunk.rows))


def _report_foreign(study: Study, dataset: Dataset, cells: list[Any]) -> None:
    for cell in cells:
        study.counts["cells that are not UTF-8"] += 1
        study.findings.report(
            "bytes_not_declared_encoding",
            patient_id=None,
            where=Where("trial", study.trial_id, dataset.name, cell.row),
            variable=cell.variable,
            parts={"read_as": cell.read_as},
        )


def _report_cut(
    findings: Findings, model: type[models.Model], key: UUID, field: str, length: int
) -> None:
    resource = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", model.__name__).lower()
    findings.report(
        "text_too_long",
        patient_id=None,
        where=Where(resource, key, "", 0),
        variable=field,
        parts={"field": field, "length": length},
    )


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        row = cursor.fetchone()
    if not row or not row[0]:
        raise OtherImportRuns()
