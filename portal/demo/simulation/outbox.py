"""What a phone has not got a 202 for yet; in a file, it outlives the phone's own end."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Upload:
    """One thing to send: its path below the API's base, and its body as it was first written."""

    submission_id: UUID
    path: str
    body: bytes


class Outbox:
    """Uploads in the order in which they were made; each stays until it is settled."""

    def __init__(self, file: Path | None = None) -> None:
        self.pending: dict[UUID, Upload] = {}
        self._file = file
        if file is not None and file.exists():
            for line in file.read_text().splitlines():
                self._replay(json.loads(line))

    def put(self, upload: Upload) -> None:
        """Keep an upload; it is on disk before anything is sent."""
        self.pending[upload.submission_id] = upload
        self._note(
            {
                "put": str(upload.submission_id),
                "path": upload.path,
                "body": upload.body.decode(),
            }
        )

    def settle(self, submission_id: UUID) -> None:
        """Forget an upload that the portal has taken, or refused for good."""
        if self.pending.pop(submission_id, None) is not None:
            self._note({"settled": str(submission_id)})

    def _note(self, line: dict[str, str]) -> None:
        if self._file is None:
            return
        with open(self._file, "a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fdatasync(file.fileno())

    def _replay(self, line: dict[str, str]) -> None:
        if "put" in line:
            key = UUID(line["put"])
            self.pending[key] = Upload(key, line["path"], line["body"].encode())
        else:
            self.pending.pop(UUID(line["settled"]), None)
