"""Who an upload comes from and whom it is of, and what stands against it, in SQL.

Two ways to judge: by the facts, which knows every rule, and by the patient's gate for what phones
send today (patients.models.gate). Every verdict that refuses is about identity; consent,
participation, assignment and version set the disposition (domain.md 1).
"""

from portal.access.permissions import Permission as P

# What everything that is sent says first, refused or not: who sends it, and whose it is.
SENT = (
    ("id", "uuid"),
    ("session", "uuid"),
    ("person", "uuid"),
    ("is_device", "bool"),
    ("patient", "uuid"),
    ("submission", "uuid"),
)

COUNTS = """CASE
        WHEN s.id IS NULL OR s.user_id <> i.person
            OR s.kind <> CASE WHEN i.is_device THEN 'device' ELSE 'web' END THEN 'token_invalid'
        WHEN NOT u.is_active THEN 'user_inactive'
        WHEN s.revoked_at IS NOT NULL OR s.session_version <> u.session_version
            THEN 'token_revoked'
        WHEN s.expires_at <= i.received_at THEN 'token_expired'"""

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


def known(record: P, *, staff: bool) -> str:
    """Who uploads for whom, and whether they may."""
    rights = f"""WHEN {held(P.EPRO_REPORT_SUBMIT)} OR {held(record)} THEN 'ok'
        WHEN {held(P.PATIENT_VIEW)} THEN 'forbidden'"""
    return f"""known AS MATERIALIZED (
    SELECT i.*, p.trial_id, p.participation, p.vital_status,
        coalesce(stay.site_id, p.site_id) AS site_id, {COUNTS}
        WHEN p.id IS NULL THEN 'not_found'
        WHEN i.is_device THEN CASE
            WHEN s.patient_id = p.id THEN 'ok'
            WHEN s.site_id IN (p.site_id, stay.site_id) THEN 'ok'
            ELSE 'not_found' END
        {rights if staff else ""}
        ELSE 'not_found' END AS verdict
    FROM input i
    {WHO}
    LEFT JOIN patients_patient p ON p.id = i.patient
    LEFT JOIN LATERAL (
        SELECT st.site_id FROM patients_patientsite st
        WHERE st.patient_id = p.id AND (st.from_at IS NULL OR st.from_at <= i.authored_at)
          AND (st.to_at IS NULL OR st.to_at > i.authored_at) LIMIT 1
    ) stay ON true
)"""  # noqa: S608 - constants


# By the patient's gate (patients.models.gate): one look in place of many, and no verdicts. It only
# finds what is to be written beyond doubt; whatever else there is, the facts say.
THROUGH_GATE = """JOIN patients_uploadgate g ON g.patient_id = k.patient AND g.is_open
        AND (g.from_at IS NULL OR g.from_at < k.authored_at)
        AND (g.to_at IS NULL OR g.to_at > k.authored_at)"""
# The sessions of the patient's own phones stand in the gate.
IS_OF_PHONE = """k.is_device
        AND k.person = g.persons[array_position(g.sessions, k.session)]
        AND k.received_at < g.ends_at[array_position(g.sessions, k.session)]"""
# Those of a site's gateways do not.
COUNTING_SESSION = """JOIN accounts_session s ON s.id = k.session AND s.user_id = k.person
        AND s.kind = 'device' AND s.revoked_at IS NULL AND s.expires_at > k.received_at
    JOIN accounts_user u ON u.id = s.user_id
        AND u.is_active AND u.session_version = s.session_version"""
IS_OF_GATE = """k.is_device
        AND (s.patient_id = k.patient OR s.site_id IN (g.site_id, g.captured_site_id))"""


# Judged at the time of writing, not of receipt. Death and milestones are partial dates.
ENDED = """(
        EXISTS (SELECT 1 FROM patients_death d
            WHERE k.vital_status = 'dead' AND d.patient_id = k.patient
              AND partial_latest(d.died) < k.authored_at)
        OR (k.participation IN ('screen_failed', 'completed', 'discontinued', 'lost_to_follow_up')
            AND coalesce(k.authored_at > (
                SELECT max(partial_latest(e.occurred)) FROM patients_dispositionevent e
                WHERE e.patient_id = k.patient
                  AND upper(replace(e.category, '_', ' ')) <> 'PROTOCOL MILESTONE'), true))
        OR EXISTS (SELECT 1 FROM trials_site t
            WHERE t.id = k.site_id AND t.closed_at < k.authored_at))"""

CONSENTED = """EXISTS (
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


# The protocol version that the patient followed then.
FOLLOWED = """LEFT JOIN LATERAL (
        SELECT v.protocol_version_id FROM patients_patientprotocolversion v
        WHERE v.patient_id = k.patient AND tstzrange(v.from_at, v.to_at) @> k.authored_at
        ORDER BY v.from_at DESC LIMIT 1
    ) followed ON true"""
