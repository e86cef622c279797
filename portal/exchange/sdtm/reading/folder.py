"""Find every dataset below a folder and give the folder its digest."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portal.exchange.sdtm.reading.dataset import (
    Chunk,
    Dataset,
    DatasetRepeated,
    FolderEmpty,
    FolderMissing,
    Format,
    NotPermittedToRead,
    SubjectMissing,
)
from portal.exchange.sdtm.reading.dataset_json import (
    describe_dataset_json,
    is_dataset_json,
    read_dataset_json,
)
from portal.exchange.sdtm.reading.define_xml import Define, read_define
from portal.exchange.sdtm.reading.xpt import describe_xpt, read_xpt
from portal.exchange.sdtm.reading.xpt_layout import opened

ROWS_IN_MEMORY = 20_000
# Trial design, device and study reference datasets describe no subject.
WITHOUT_SUBJECT = frozenset({"TA", "TE", "TI", "TS", "TV", "TX", "TD", "TM", "TT", "DI", "OI"})
# Relationships and comments may concern the whole study: the subject may be blank.
SUBJECT_MAY_BE_BLANK = frozenset({"RELREC", "RELSUB", "RELREF", "RELSPEC", "CO", "POOLDEF"})


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """The datasets of one study. `digest` changes with any byte or file name among them."""

    path: Path
    datasets: tuple[Dataset, ...]
    define: Define | None
    digest: str
    ignored: tuple[str, ...]

    def of_domain(self, domain: str) -> tuple[Dataset, ...]:
        """The datasets that make up a domain, in the order of their names."""
        return tuple(dataset for dataset in self.datasets if dataset.domain == domain)


def read_folder(path: Path) -> StudyFolder:
    """Find and describe the datasets below `path`, recursively; reads headers, not rows.

    Raises: FolderMissing, FolderEmpty, NotPermittedToRead, DatasetRepeated, SubjectMissing, and
    what the formats raise.
    """
    if not path.is_dir():
        raise FolderMissing(path)
    datasets: list[Dataset] = []
    ignored: list[str] = []
    digests: list[tuple[str, str]] = []
    define: Define | None = None
    for file in _files(path):
        relative = file.relative_to(path).as_posix()
        kind = _format_of(file)
        is_define = file.name.lower() == "define.xml"
        if kind is None and not is_define:
            ignored.append(relative)
            continue
        sha256 = _sha256(file)
        digests.append((relative, sha256))
        if is_define:
            define = read_define(file)
        elif kind is not None:
            datasets.append(_describe(file, relative, sha256, kind))
    _check(path, datasets)
    return StudyFolder(path, tuple(datasets), define, _digest(digests), tuple(ignored))


def read_rows(dataset: Dataset, *, chunk_size: int = ROWS_IN_MEMORY) -> Iterator[Chunk]:
    """Yield a dataset's rows, with the subject of each checked.

    Raises: SubjectMissing, and what the formats raise.
    """
    reader = read_xpt if dataset.format is Format.XPT else read_dataset_json
    checks_subject = names_subjects(dataset) and dataset.domain not in SUBJECT_MAY_BE_BLANK
    for chunk in reader(dataset, chunk_size):
        if checks_subject:
            for number, row in enumerate(chunk.rows, chunk.first_row):
                if not row["USUBJID"] and not row.get("POOLID"):
                    raise SubjectMissing(dataset.relative_path, "USUBJID is blank.", row=number)
        yield chunk


def names_subjects(dataset: Dataset) -> bool:
    """Whether the rows of a dataset belong to subjects."""
    return dataset.domain not in WITHOUT_SUBJECT


def _files(path: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise NotPermittedToRead(error.filename or path) from None

    for folder, folders, names in os.walk(path, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        yield from (Path(folder) / name for name in sorted(names) if not name.startswith("."))


def _format_of(file: Path) -> Format | None:
    suffix = file.suffix.lower().removeprefix(".")
    if suffix not in set(Format):
        return None
    if suffix == Format.JSON and not is_dataset_json(file):
        return None
    return Format(suffix)


def _describe(file: Path, relative: str, sha256: str, kind: Format) -> Dataset:
    if kind is Format.XPT:
        return describe_xpt(file, relative, sha256)
    return describe_dataset_json(file, relative, sha256, kind)


def _check(path: Path, datasets: list[Dataset]) -> None:
    if not datasets:
        raise FolderEmpty(path)
    seen: dict[str, str] = {}
    for dataset in datasets:
        if dataset.name in seen:
            raise DatasetRepeated(
                dataset.relative_path,
                f"Dataset {dataset.name} is also in {seen[dataset.name]}; keep one of the two.",
            )
        seen[dataset.name] = dataset.relative_path
        if names_subjects(dataset) and "USUBJID" not in dataset.variable_names:
            raise SubjectMissing(dataset.relative_path, "It has no variable USUBJID.")


def _sha256(file: Path) -> str:
    with opened(file) as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _digest(digests: list[tuple[str, str]]) -> str:
    lines = "".join(f"{sha256}  {relative}\n" for relative, sha256 in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()
