"""Who an upload comes from and whom it is of, and what stands against it, in SQL.

Two ways to judge: by the facts, which knows every rule, and by the patient's gate for what phones
send today (patients.models.gate). Every verdict that refuses is about identity; consent,
participation, assignment and version set the disposition (domain.md 1).
"""

from portal.access.permissions import Permission as P

COUNTS = """CASE
        WHEN s.id IS NULL OR s.user_id <> i.person
            OR s.kind <> CASE WHEN i.is_device THEN 'device' ELSE 'web' END THEN 'token_invalid'
        WHEN NOT u.is_active THEN 'user_inactive'
        WHEN s.revoked_at IS NOT NULL OR s.session_version <> u.session_version
            THEN 'token_revoked'
        WHEN s.expires_at <= i.received_at THEN 'token_expired'"""

# Of an upload that the gate does not cover: the facts judge it.
UNJUDGED = "unjudged"

WHO = """LEFT JOIN accounts_session s ON s.id = i.session
    LEFT JOIN accounts_user u ON u.id = s.user_id"""


def held(permission: P) -> str:
    """Return the condition that the person holds a permission where the patient is, or was then."""
    parts = (
        ("patients_patientuserpermission", "= p.id"),
        ("trials_siteuserpermission", "IN (p.site_id, coalesce(stay.site_id, p.site_id))"),
        ("trials_trialuserpermission", "= p.trial_id"),
        ("access_portaluserpermission", ""),
    )
    asked = [
        f"""EXISTS (
            SELECT 1 FROM {table} g JOIN auth_permission a ON a.id = g.permission_id
            WHERE g.user_id = i.person AND a.codename = '{permission.value}'
              {f"AND g.content_object_id {where}" if where else ""}
              AND g.valid_from <= i.received_at
              AND (g.valid_until IS NULL OR g.valid_until > i.received_at))"""  # noqa: S608
        for table, where in parts
    ]
    return "(" + " OR ".join(asked) + ")"


_OF_DEVICE = """CASE
            WHEN s.patient_id = p.id THEN 'ok'
            WHEN s.site_id IN (p.site_id, stay.site_id) THEN 'ok'
            ELSE 'not_found' END"""


def known(record: P, *, staff: bool, by_gate: bool) -> str:
    """Who uploads for whom, and whether they may."""
    if by_gate:
        return _BY_GATE
    rights = f"""WHEN {held(P.EPRO_REPORT_SUBMIT)} OR {held(record)} THEN 'ok'
        WHEN {held(P.PATIENT_VIEW)} THEN 'forbidden'"""
    return f"""known AS MATERIALIZED (
    SELECT i.*, p.trial_id, p.participation, p.vital_status,
        coalesce(stay.site_id, p.site_id) AS site_id, {COUNTS}
        WHEN p.id IS NULL THEN 'not_found'
        WHEN i.is_device THEN {_OF_DEVICE}
        {rights if staff else ""}
        ELSE 'not_found' END AS verdict
    FROM acting CROSS JOIN input i
    {WHO}
    LEFT JOIN patients_patient p ON p.id = i.patient
    LEFT JOIN LATERAL (
        SELECT st.site_id FROM patients_patientsite st
        WHERE st.patient_id = p.id AND (st.from_at IS NULL OR st.from_at <= i.authored_at)
          AND (st.to_at IS NULL OR st.to_at > i.authored_at) LIMIT 1
    ) stay ON true
)"""  # noqa: S608 - constants


# The same by the patient's gate (patients.models.gate), for phones: one look in place of five. An
# upload that it does not cover is not judged here.
_BY_GATE = f"""known AS MATERIALIZED (
    SELECT i.*, p.trial_id, stay.site_id, p.protocol_version_id, {COUNTS}
        WHEN p.id IS NULL THEN '{UNJUDGED}'
        ELSE {_OF_DEVICE} END AS verdict
    FROM acting CROSS JOIN input i
    {WHO}
    LEFT JOIN LATERAL (
        SELECT g.patient_id AS id, g.trial_id, g.site_id, g.captured_site_id, g.protocol_version_id
        FROM patients_uploadgate g
        WHERE g.patient_id = i.patient AND g.is_open
          AND (g.from_at IS NULL OR g.from_at < i.authored_at)
          AND (g.to_at IS NULL OR g.to_at > i.authored_at)
    ) p ON true
    CROSS JOIN LATERAL (SELECT p.captured_site_id) stay (site_id)
)"""  # noqa: S608 - constants


# Judged at the time of writing, not of receipt. Death and milestones are partial dates.
_SITE_CLOSED = """EXISTS (SELECT 1 FROM trials_site t
            WHERE t.id = k.site_id AND t.closed_at < k.authored_at)"""
_ENDED = f"""(
        EXISTS (SELECT 1 FROM patients_death d
            WHERE k.vital_status = 'dead' AND d.patient_id = k.patient
              AND partial_latest(d.died) < k.authored_at)
        OR (k.participation IN ('screen_failed', 'completed', 'discontinued', 'lost_to_follow_up')
            AND coalesce(k.authored_at > (
                SELECT max(partial_latest(e.occurred)) FROM patients_dispositionevent e
                WHERE e.patient_id = k.patient
                  AND upper(replace(e.category, '_', ' ')) <> 'PROTOCOL MILESTONE'), true))
        OR {_SITE_CLOSED})"""  # noqa: S608 - constants

_CONSENTED = """EXISTS (
        SELECT 1 FROM (
            SELECT c.id, c.choices FROM patients_consent c
            WHERE c.patient_id = k.patient AND c.signed_at <= k.authored_at
            ORDER BY c.signed_at DESC, c.id DESC LIMIT 1
        ) c
        WHERE c.choices -> 'main' IN ('true'::jsonb, '"yes"'::jsonb)
          AND NOT EXISTS (
            SELECT 1 FROM patients_consentwithdrawal w
            WHERE w.consent_id = c.id AND w.purposes @> '"main"'::jsonb
              AND w.withdrawn_at <= k.authored_at))"""


def stands_against(*, by_gate: bool) -> str:
    """Return the branches of what stands against an upload whoever sent it; see `UploadGate`."""
    if by_gate:
        return f"WHEN {_SITE_CLOSED} THEN 'after_end'"
    return f"""WHEN NOT {_CONSENTED} THEN 'outside_consent'
             WHEN {_ENDED} THEN 'after_end'"""


def protocol(*, by_gate: bool) -> tuple[str, str]:
    """Return the column of the protocol version that the patient followed, and its join."""
    if by_gate:
        return "k.protocol_version_id", ""
    return (
        "followed.protocol_version_id",
        """LEFT JOIN LATERAL (
        SELECT v.protocol_version_id FROM patients_patientprotocolversion v
        WHERE v.patient_id = k.patient AND tstzrange(v.from_at, v.to_at) @> k.authored_at
        ORDER BY v.from_at DESC LIMIT 1
    ) followed ON true""",
    )
