"""What every format is read into: a dataset, its variables, its rows, and one family of errors."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from portal.core.errors import InvalidInput

Value = str | int | float | bool | None
Row = dict[str, Value]


class SourceUnreadable(InvalidInput):
    """The source cannot be read."""

    code = "source_unreadable"

    def __init__(self, path: Path | str, problem: str | None = None, *, row: int | None = None):
        self.path = Path(path)
        self.row = row
        self.problem = problem or " ".join((type(self).__doc__ or "").split())
        where = f"{path}, row {row}" if row is not None else str(path)
        super().__init__(f"{where}: {self.problem}")


class FolderMissing(SourceUnreadable):
    """There is no such folder."""

    code = "source_folder_missing"


class FolderEmpty(SourceUnreadable):
    """No dataset (.xpt, .json, .ndjson, .dsjc) was found in this folder or below it."""

    code = "source_folder_empty"


class NotPermittedToRead(SourceUnreadable):
    """This file or folder may not be read by the portal's user; change its permissions."""

    code = "source_not_permitted"


class NotXpt(SourceUnreadable):
    """The file is named .xpt but is not a SAS transport file."""

    code = "source_not_xpt"


class NotDatasetJson(SourceUnreadable):
    """The file is not valid Dataset-JSON 1.1."""

    code = "source_not_dataset_json"


class Truncated(SourceUnreadable):
    """The file ends before its last row is complete; copy it again."""

    code = "source_truncated"


class SubjectMissing(SourceUnreadable):
    """A subject-level dataset must name the subject of every row in USUBJID."""

    code = "source_subject_missing"


class DatasetRepeated(SourceUnreadable):
    """The folder holds the same dataset twice; keep one of the two files."""

    code = "source_dataset_repeated"


class UnsafeXml(SourceUnreadable):
    """The XML file holds a document type or entities, which are refused."""

    code = "source_unsafe_xml"


class NotDefineXml(SourceUnreadable):
    """The file is not a Define-XML document."""

    code = "source_not_define_xml"


class Format(StrEnum):
    """How a dataset is stored."""

    XPT = "xpt"
    JSON = "json"
    NDJSON = "ndjson"
    DSJC = "dsjc"


class VariableType(StrEnum):
    """The two types that SDTM knows."""

    TEXT = "text"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Variable:
    """One column. `length` is in bytes for XPT, in characters for Dataset-JSON; 0 when not said."""

    name: str
    label: str
    type: VariableType
    length: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """One file. `domain` joins split datasets: LBCH and LBUR are both LB."""

    name: str
    domain: str
    label: str
    path: Path
    relative_path: str
    format: Format
    variables: tuple[Variable, ...]
    row_count: int
    sha256: str
    study: str = ""

    @property
    def variable_names(self) -> tuple[str, ...]:
        """The names in file order."""
        return tuple(variable.name for variable in self.variables)


@dataclass(frozen=True, slots=True)
class ForeignCell:
    """A cell whose bytes were not what the file should hold; `read_as` says how it was read."""

    row: int
    variable: str
    read_as: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows. `first_row` counts from 1, as a person counts them in the file."""

    first_row: int
    rows: list[Row]
    foreign_cells: list[ForeignCell] = field(default_factory=list)
