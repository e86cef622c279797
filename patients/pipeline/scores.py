"""Scores as rows: one that comes out as before changes nothing, another supersedes it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from patients.models import Score
from portal.core.ids import uuid7
from portal.core.rows import insert_rows

COLUMNS = (
    "id",
    "created_at",
    "patient_id",
    "trial_id",
    "site_id",
    "protocol_version_id",
    "entry_source",
    "report_id",
    "name",
    "value",
    "band",
    "algorithm",
    "algorithm_version",
    "inputs",
    "missing",
    "scored_at",
)
_SUPERSEDE = """
UPDATE patients_score s SET superseded_at = %s
FROM unnest(%s::uuid[], %s::text[], %s::numeric[], %s::text[], %s::jsonb[])
  AS n(report, name, value, version, inputs)
WHERE s.report_id = n.report AND s.name = n.name AND s.superseded_at IS NULL
  AND (s.value, s.algorithm_version, s.inputs)
      IS DISTINCT FROM (n.value, n.version, n.inputs)
"""


def write_scores(rows: Sequence[dict[str, Any]], at: datetime) -> None:
    """Write scores of reports; what differs from a current score takes its place."""
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _SUPERSEDE,
            [
                at,
                [row["report_id"] for row in rows],
                [row["name"] for row in rows],
                [row["value"] for row in rows],
                [row["algorithm_version"] for row in rows],
                [msgspec.json.encode(row["inputs"]).decode() for row in rows],
            ],
        )
    made = [{**row, "id": uuid7(at), "created_at": at} for row in rows]
    insert_rows(Score, COLUMNS, made, on_conflict="ON CONFLICT DO NOTHING")
