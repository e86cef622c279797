"""The statement that keeps what is refused, in SQL."""

from functools import cache

from patients.intake.judging import COUNTS, SENT, WHO
from patients.intake.rows import RowType, given

# What refused bodies bring. `patient` is the one that the body names, if it names one.
OF_REFUSALS = RowType(
    "sent_refusal",
    (
        *SENT,
        ("received_at", "timestamptz"),
        ("is_kept", "bool"),
        ("resource", "text"),
        ("reason", "text"),
        ("code", "text"),
        ("errors", "jsonb"),
        ("record", "uuid"),
        ("raw", "bytea"),
        ("digest", "bytea"),
    ),
)


@cache
def refusal_statement() -> str:
    """Return the statement that judges the sessions of refused bodies and keeps the bodies.

    A body goes to the site of the patient whom the uploader may speak for, else to the uploader's
    own; what it says of somebody else's patient moves it nowhere.
    """
    return f"""WITH {given(OF_REFUSALS, name="input")}, known AS MATERIALIZED (
    SELECT i.*, p.id AS whose, coalesce(p.site_id, s.site_id, own.site_id) AS site_id,
        {COUNTS} ELSE 'ok' END AS verdict
    FROM input i
    {WHO}
    LEFT JOIN LATERAL (
        SELECT g.content_object_id AS site_id FROM trials_siteuserpermission g
        WHERE NOT i.is_device AND g.user_id = i.person AND g.valid_from <= i.received_at
          AND (g.valid_until IS NULL OR g.valid_until > i.received_at)
        ORDER BY g.content_object_id LIMIT 1
    ) own ON true
    LEFT JOIN patients_patient p ON p.id = CASE
        WHEN s.patient_id IS NOT NULL THEN s.patient_id
        ELSE coalesce(
            (SELECT q.id FROM patients_patient q WHERE q.account_id = i.person),
            (SELECT q.id FROM patients_patient q WHERE q.id = i.patient AND (
                q.site_id = s.site_id OR EXISTS (
                    SELECT 1 FROM trials_siteuserpermission g
                    WHERE NOT i.is_device AND g.user_id = i.person
                      AND g.content_object_id = q.site_id AND g.valid_from <= i.received_at
                      AND (g.valid_until IS NULL OR g.valid_until > i.received_at))))
        ) END
), kept AS (
    INSERT INTO patients_quarantinedsubmission (
        id, created_at, version, trial_id, site_id, patient_id, resource, reason, code, errors,
        submission_id, record_id, original, digest, received_at, recorded_by_id, recorded_through,
        resolution)
    SELECT k.id, k.received_at, 1, (SELECT t.trial_id FROM trials_site t WHERE t.id = k.site_id),
        k.site_id, k.whose, k.resource, k.reason, k.code, k.errors, k.submission, k.record, k.raw,
        k.digest, k.received_at, k.person, k.session, ''
    FROM known k WHERE k.is_kept AND k.verdict = 'ok'
    ORDER BY k.session, k.digest, k.reason
    ON CONFLICT (recorded_through, digest, reason) DO NOTHING
    RETURNING id
)
SELECT NULL, (SELECT string_agg(id::text || ':' || verdict, ',') FROM known WHERE verdict <> 'ok'),
    (SELECT count(*) FROM kept)"""  # noqa: S608 - constants
