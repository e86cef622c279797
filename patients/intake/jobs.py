"""What waits to be written, and what became of it."""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from patients.intake.bodies import Upload
from patients.intake.claims import Bearer
from patients.intake.refusals import Refusal
from patients.vocabulary import UploadResource

STORED = "stored"
UNAVAILABLE = "unavailable"


class Outcome(Struct):
    """The verdict on one upload: `stored`, or the code of what refuses it."""

    code: str
    id: str = ""
    received_at: datetime | None = None
    is_replayed: bool = False
    warnings: Sequence[tuple[str, str]] = ()
    refusal: Refusal | None = None


class Job(Struct):
    """One upload, or one refused body, of somebody whose token is genuine.

    `settle` is called once, after the commit. A refused body is written too: only the statement
    knows whether the session counts, and what is JSON is kept for the site.
    """

    id: str
    bearer: Bearer
    received_at: datetime
    resource: UploadResource
    raw: bytes
    upload: Upload | None = None
    refusal: Refusal | None = None
    settle: Callable[["Job"], None] | None = None
    outcome: Outcome | None = None
    foreign: list[int] = []
