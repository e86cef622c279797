"""The statements of intake: identity, disposition, record and messages, one round trip a batch.

What was sent comes as one parameter, an array of rows (patients.intake.rows). Every verdict that
refuses is about identity; consent, participation, assignment and version set the disposition
(domain.md 1).
Whoever executes them has declared that intake acts (`portal.core.history`).
"""

from functools import cache
from typing import NamedTuple

from patients.intake.judging import (
    CONSENTED,
    COUNTING_SESSION,
    ENDED,
    FOLLOWED,
    IS_OF_GATE,
    IS_OF_PHONE,
    SENT,
    THROUGH_GATE,
    known,
)
from patients.intake.rows import RowType, given, unnest
from patients.vocabulary import UploadResource
from portal.access.permissions import Permission as P
from portal.outbox.kinds import Kind
from portal.outbox.sql import NOTIFY_SQL, deliveries_cte

# What every upload brings; the first of it is the bearer's (patients.intake.claims) but for the id.
_COMMON = (
    *SENT,
    ("authored_at", "timestamptz"),
    ("received_at", "timestamptz"),
    ("raw", "bytea"),
    ("digest", "bytea"),
)
UPLOADS = RowType("sent_upload", _COMMON)
# What a diary report brings besides, in the order of patients.intake.bodies.
REPORTS = RowType(
    "sent_report",
    (
        *_COMMON,
        ("instrument", "text"),
        ("instrument_version", "text"),
        ("language", "text"),
        ("started_at", "timestamptz"),
        ("completed_at", "timestamptz"),
        ("saved_at", "timestamptz"),
        ("time_zone", "text"),
        ("clock_offset", "bigint"),
        ("app_version", "text"),
        ("device", "text"),
        ("assignment", "uuid"),
        ("originator", "text"),
        ("originator_person", "text"),
        ("originator_reason", "text"),
        ("edits", "jsonb"),
    ),
)
# Readings that name a device: of which upload, its place, whether the reading itself names it, and
# the key that it is set aside under if somebody else held the device.
OF_DEVICES = RowType(
    "sent_device_reading",
    (
        ("upload", "uuid"),
        ("place", "smallint"),
        ("identifier", "text"),
        ("is_own", "bool"),
        ("measured_at", "timestamptz"),
        ("aside", "uuid"),
        ("raw", "bytea"),
        ("digest", "bytea"),
    ),
)


class _Judged(NamedTuple):
    """Where the rows that may be written come from: CTEs, FROM and WHERE, and what of it is what.

    `k` is an upload as it was sent. `trial`, `site` and `protocol_version` are where it belongs,
    `against` what stands against it (empty: nothing). `sent` is the CTE that holds it, for who
    comes later.
    """

    ctes: list[str]
    source: str
    where: str
    trial: str
    site: str
    protocol_version: str
    against: str
    order: str
    sent: str


def _by_facts(sent: RowType, record: P, *, staff: bool) -> _Judged:
    return _Judged(
        ctes=[given(sent, name="input"), known(record, staff=staff)],
        source=f"known k {FOLLOWED}",
        where="k.verdict = 'ok'",
        trial="k.trial_id",
        site="k.site_id",
        protocol_version="followed.protocol_version_id",
        against=f"WHEN NOT {CONSENTED} THEN 'outside_consent' WHEN {ENDED} THEN 'after_end'",
        # Of two under one id the first is kept.
        order="ORDER BY k.patient, k.submission, k.arrival",
        sent="known",
    )


def _by_gate(sent: RowType, *, devices: bool, gateways: bool) -> _Judged:
    """Uploads of phones, or those of `gateways` too, which costs a look at session and account."""
    rows = "input k" if devices else unnest(sent, name="k")
    return _Judged(
        ctes=[given(sent, name="input")] if devices else [],
        source=f"{rows} {COUNTING_SESSION if gateways else ''} {THROUGH_GATE}",
        where=IS_OF_GATE if gateways else IS_OF_PHONE,
        trial="g.trial_id",
        site="g.captured_site_id",
        protocol_version="g.protocol_version_id",
        against="",
        order="",  # they come in it
        sent="input",
    )


# Readings whose device the patient did not hold when they were taken. A report's own device need
# not be one that the portal knows: it is the phone.
def _foreign(*, by_gate: bool) -> list[str]:
    uploads = (
        """(SELECT i.id, i.patient, g.trial_id FROM input i
            JOIN patients_uploadgate g ON g.patient_id = i.patient)"""
        if by_gate
        else "(SELECT id, patient, trial_id FROM known WHERE verdict = 'ok')"
    )
    return [
        given(OF_DEVICES, name="device_readings"),
        f"""foreign_readings AS MATERIALIZED (
    SELECT r.upload, r.place, r.aside, r.raw, r.digest FROM device_readings r
    JOIN {uploads} k ON k.id = r.upload
    LEFT JOIN patients_device d ON d.trial_id = k.trial_id AND d.identifier = r.identifier
    WHERE (r.is_own OR d.id IS NOT NULL) AND NOT EXISTS (
        SELECT 1 FROM patients_deviceassignment h
        WHERE h.device_id = d.id AND h.patient_id = k.patient
          AND tstzrange(h.from_at, h.to_at) @> r.measured_at)
)""",  # noqa: S608 - constants
    ]


_PLACES = """coalesce((SELECT array_agg(f.place ORDER BY f.place)
        FROM foreign_readings f WHERE f.upload = k.id), '{}')"""


def _set_aside(resource: UploadResource, member: str, sent: str) -> str:
    return f"""aside AS (
    INSERT INTO patients_quarantinedsubmission (
        id, created_at, version, trial_id, site_id, patient_id, resource, reason, code, errors,
        submission_id, record_id, original, digest, received_at, recorded_by_id, recorded_through,
        resolution)
    SELECT f.aside, k.received_at, 1, n.trial_id, n.site_id, n.patient_id, '{resource.value}',
        'device_of_another', '', jsonb_build_array(jsonb_build_object(
            'pointer', '/{member}/' || f.place, 'code', 'device_of_another')),
        k.submission, k.id, f.raw, f.digest, k.received_at, k.person, k.session, ''
    FROM foreign_readings f JOIN inserted n ON n.id = f.upload JOIN {sent} k ON k.id = f.upload
    WHERE f.aside IS NOT NULL
    ON CONFLICT (recorded_through, digest, reason) DO NOTHING
)"""  # noqa: S608 - constants


# A batch that names no device, or comes from phones alone, is spared what it cannot need: a plan is
# set up anew for every batch, down to the parts that never run.
@cache
def report_statement(lane: int, *, staff: bool, devices: bool, by_gate: bool) -> str:
    """Return the statement that writes a batch of diary reports.

    `staff`: one comes from somebody's session, not a device's; `devices`: one names a device;
    `by_gate`: all come from phones, none under the id of another; what a patient's gate does not
    cover, and whatever is not simply to be written, is left for the facts.
    """
    judged = (
        _by_gate(REPORTS, devices=devices, gateways=False)
        if by_gate
        else _by_facts(REPORTS, P.EPRO_REPORT_TRANSCRIBE, staff=staff)
    )
    phone = f"""LEFT JOIN patients_device phone
        ON k.device <> '' AND phone.trial_id = {judged.trial} AND phone.identifier = k.device"""
    inserted = f"""inserted AS (
    INSERT INTO patients_eproreport (
        id, created_at, version, patient_id, trial_id, site_id, protocol_version_id, entered_at,
        entry_source, is_after_lock, group_repeat_key, definition_version, imported_dataset,
        imported_sponsor_id, submission_id, instrument_code, instrument_version, instrument_id,
        assignment_id, language, authored_at, started_at, completed_at, saved_at, received_at,
        time_zone, device_clock_offset_ms, app_version, device_identifier, device_id, originator,
        originator_person, originator_reason, disposition, original, digest, edits,
        foreign_readings, recorded_by_id, recorded_through)
    SELECT k.id, k.received_at, 1, k.patient, {judged.trial}, {judged.site},
        {judged.protocol_version}, k.received_at, 'epro', false, '', '', '', '', k.submission,
        k.instrument, k.instrument_version, asked.id, due.id, k.language, k.authored_at,
        k.started_at, k.completed_at, k.saved_at, k.received_at, k.time_zone, k.clock_offset,
        k.app_version, k.device, {"phone.id" if devices else "NULL::uuid"}, k.originator,
        k.originator_person, k.originator_reason,
        CASE {judged.against}
             WHEN asked.id IS NULL THEN 'unknown_version'
             WHEN due.id IS NULL THEN 'unassigned'
             WHEN k.authored_at >= due.closes_at THEN 'late'
             ELSE 'accepted' END,
        k.raw, k.digest, k.edits, {_PLACES if devices else "'{}'"}, k.person, k.session
    FROM {judged.source}
    LEFT JOIN trials_instrument asked
        ON asked.code = k.instrument AND asked.instrument_version = k.instrument_version
    LEFT JOIN patients_diaryassignment named ON named.id = k.assignment
        AND named.patient_id = k.patient AND named.instrument_id = asked.id
    LEFT JOIN LATERAL (
        SELECT a.id, a.closes_at FROM patients_diaryassignment a
        WHERE named.id IS NULL AND a.patient_id = k.patient AND a.instrument_id = asked.id
          AND a.opens_at <= k.authored_at AND a.closes_at > k.authored_at - interval '48 hours'
        ORDER BY a.opens_at DESC LIMIT 1
    ) open ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(named.id, open.id), coalesce(named.closes_at, open.closes_at)
    ) due (id, closes_at)
    {phone if devices else ""}
    WHERE {judged.where}
    {judged.order}
    ON CONFLICT (patient_id, submission_id) DO NOTHING
    RETURNING id, patient_id, trial_id, site_id
)"""  # noqa: S608 - constants
    return _written(UploadResource.EPRO_REPORT, lane, judged, inserted, "vitals", devices, by_gate)


@cache
def upload_statement(lane: int, *, staff: bool, devices: bool, by_gate: bool) -> str:
    """Return the statement that writes a batch of uploads of readings; see `report_statement`."""
    judged = (
        _by_gate(UPLOADS, devices=devices, gateways=True)
        if by_gate
        else _by_facts(UPLOADS, P.VITAL_SIGN_RECORD, staff=staff)
    )
    disposition = f"CASE {judged.against} ELSE 'accepted' END" if judged.against else "'accepted'"
    inserted = f"""inserted AS (
    INSERT INTO patients_vitalsupload (
        id, created_at, version, patient_id, trial_id, site_id, protocol_version_id, entered_at,
        entry_source, is_after_lock, group_repeat_key, definition_version, imported_dataset,
        imported_sponsor_id, submission_id, authored_at, received_at, disposition, original,
        digest, foreign_readings, recorded_by_id, recorded_through)
    SELECT k.id, k.received_at, 1, k.patient, {judged.trial}, {judged.site},
        {judged.protocol_version}, k.received_at, 'device', false, '', '', '', '', k.submission,
        k.authored_at, k.received_at, {disposition},
        k.raw, k.digest, {_PLACES if devices else "'{}'"}, k.person, k.session
    FROM {judged.source}
    WHERE {judged.where}
    {judged.order}
    ON CONFLICT (patient_id, submission_id) DO NOTHING
    RETURNING id, patient_id, trial_id, site_id
)"""  # noqa: S608 - constants
    return _written(
        UploadResource.VITALS_UPLOAD, lane, judged, inserted, "readings", devices, by_gate
    )


def _written(
    resource: UploadResource,
    lane: int,
    judged: _Judged,
    inserted: str,
    member: str,
    devices: bool,
    by_gate: bool,
) -> str:
    """Return the whole statement: what is judged, what is written, what is sent, what is told."""
    ctes = [
        *judged.ctes,
        *(_foreign(by_gate=by_gate) if devices else ()),
        inserted,
        *([_set_aside(resource, member, judged.sent)] if devices else ()),
        *_outgoing(resource, lane),
    ]
    return f"WITH {', '.join(ctes)} {_told(devices=devices, by_gate=by_gate)}"


def _told(*, devices: bool, by_gate: bool) -> str:
    """One row tells what was inserted, what was refused, and which readings are foreign.

    That all was inserted, of as many as the last parameter says, is told without their ids.
    """
    refused = "SELECT string_agg(id::text || ':' || verdict, ',') FROM known WHERE verdict <> 'ok'"
    foreign = f"""SELECT string_agg(f.upload::text || ':' || f.place, ',')
        FROM foreign_readings f {"JOIN inserted n ON n.id = f.upload" if by_gate else ""}"""  # noqa: S608 - constants
    return f"""SELECT
    CASE WHEN (SELECT count(*) FROM inserted) < %s::bigint
        THEN coalesce((SELECT string_agg(id::text, ',') FROM inserted), '') END,
    ({"NULL" if by_gate else refused}),
    ({foreign if devices else "NULL"}),
    (SELECT count(*) FROM told)"""  # noqa: S608 - constants


def _outgoing(resource: UploadResource, lane: int) -> list[str]:
    """The CTEs of the messages. The record's id is its message's: each is received once."""
    kind = {
        UploadResource.EPRO_REPORT: Kind.REPORT_RECEIVED,
        UploadResource.VITALS_UPLOAD: Kind.VITALS_RECEIVED,
    }[resource]
    return [
        f"""messages AS (
    SELECT id AS message_id, '{resource.value}' AS resource, id AS record_id,
        patient_id AS ordering_key, trial_id, site_id, {lane}::smallint AS lane,
        '{{}}'::jsonb AS payload
    FROM inserted
)""",  # noqa: S608 - constants
        f"deliveries AS ({deliveries_cte(kind, source='messages')})",
        f"told AS MATERIALIZED (SELECT {NOTIFY_SQL} FROM inserted LIMIT 1)",  # noqa: S608 - constants
    ]


# What repeats name.
OF_REPEATS = RowType("sent_repeat", (("patient", "uuid"), ("submission", "uuid")))


@cache
def earlier_statement(table: str) -> str:
    """Return the statement that reads what stands under ids that were sent before."""
    return f"""SELECT t.patient_id::text, t.submission_id::text, t.id::text, t.received_at,
        t.digest, t.original
    FROM {unnest(OF_REPEATS, name="i")}
    JOIN {table} t ON t.patient_id = i.patient AND t.submission_id = i.submission"""  # noqa: S608


@cache
def holders_statement() -> str:
    """Return the statement that says which patient of the gateway's site held each device when."""
    return f"""WITH {given(OF_DEVICES, name="r")}
SELECT r.place, (
    SELECT h.patient_id::text FROM patients_deviceassignment h
    JOIN patients_device d ON d.id = h.device_id
    JOIN patients_patient p ON p.id = h.patient_id
    WHERE d.identifier = r.identifier AND d.trial_id = t.trial_id
      AND tstzrange(h.from_at, h.to_at) @> r.measured_at AND s.site_id IN (p.site_id, h.site_id)
)
FROM r JOIN accounts_session s ON s.id = %s AND s.site_id IS NOT NULL
JOIN trials_site t ON t.id = s.site_id"""  # noqa: S608 - constants
