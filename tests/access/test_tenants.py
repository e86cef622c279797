"""Two tenants: whatever one does, the other is answered the same (security.md 2)."""

import re
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from events.models import AdverseEvent
from patients.models import Patient, VitalSign
from portal.access.permissions import Permission as P
from portal.access.scoping import visible
from portal.accounts.models import User
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests import soaks
from tests.access.walker import NEVER_MADE
from tests.access.world import (
    World,
    add_patient,
    bearer,
    make_adverse_event,
    make_person,
    make_vital,
)

LISTS = ("trials", "sites", "patients", "vitals", "findings", "adverse-events")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
OPERATIONS = st.lists(
    st.sampled_from(["report", "measure", "correct", "enroll", "rename", "read", "refused"]),
    min_size=1,
    max_size=6,
)
OFTEN = settings(
    deadline=None,
    max_examples=10,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
SOAK = settings(OFTEN, max_examples=soaks.trials(2_000), derandomize=False)
Two = tuple[User, User]


@pytest.fixture(scope="module")
def two(world: World) -> Two:
    """Return a coordinator of the first site and one of the last."""
    return (
        make_person(world, "tenant-a", "study_coordinator", world.sites[0]),
        make_person(world, "tenant-b", "study_coordinator", world.sites[-1]),
    )


def _everything(headers: dict[str, str]) -> dict[str, tuple[int, bytes]]:
    answers = {}
    for name in LISTS:
        answer = Client().get(f"/api/v1/{name}/?limit=500", headers=headers)
        answers[name] = (answer.status_code, answer.content)
    return answers


def _do(world: World, what: str, headers: dict[str, str], number: int) -> None:
    """Let something happen at the first site."""
    site, patient = world.sites[0], world.patients[0]
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        if what == "report":
            make_adverse_event(patient, number=1_000 + number, term="RASH")
        elif what == "measure":
            make_vital(patient, value="38.5")
        elif what == "correct":
            VitalSign.objects.filter(pk=world.vitals[0].pk).update(value=36 + number % 5)
        elif what == "enroll":
            known = len(world.patients)
            add_patient(world, site, f"NEW-{number}")
            del world.patients[known:]
        elif what == "rename":
            AdverseEvent.objects.filter(pk=world.adverse_events[0].pk).update(term="NAUSEA")
    if what == "read":
        Client().get("/api/v1/patients/", headers=headers)
    elif what == "refused":
        Client().get(f"/api/v1/patients/{world.patients[-1].pk}/", headers=headers)


def _check_no_interference(world: World, two: Two, operations: list[str]) -> None:
    # Signed in for each sequence: all of them take longer than a token lives.
    a, b = bearer(two[0]), bearer(two[1])
    kept = {name: list(value) for name, value in vars(world).items() if isinstance(value, list)}
    before = _everything(b)
    assert {status for status, _ in before.values()} == {200}
    with transaction.atomic():
        for number, what in enumerate(operations):
            _do(world, what, a, number)
        # Right after the other's own requests: no answer is kept for the wrong person (T7).
        assert _everything(a).keys() == before.keys()
        assert _everything(b) == before
        transaction.set_rollback(True)
    for name, value in kept.items():
        getattr(world, name)[:] = value


@pytest.mark.req("T1", "T7")
@OFTEN
@given(operations=OPERATIONS)
def test_nothing_that_one_tenant_does_is_seen_by_another(
    world: World, two: Two, operations: list[str]
) -> None:
    _check_no_interference(world, two, operations)


@pytest.mark.soak
@pytest.mark.req("T1", "T7")
def test_the_same_over_two_thousand_sequences(world: World, two: Two) -> None:
    made = 0

    @SOAK
    @given(operations=OPERATIONS)
    def check(operations: list[str]) -> None:
        nonlocal made
        _check_no_interference(world, two, operations)
        made += 1

    check()
    soaks.tell(f"0 in {made} sequences changed what the other tenant is answered")


@pytest.mark.req("T3")
@pytest.mark.parametrize("tenant", [0, 1])
def test_every_id_in_an_answer_leads_to_what_is_allowed(
    world: World, two: Two, tenant: int
) -> None:
    headers = bearer(two[tenant])
    foreign = {str(p.pk) for p in world.patients if p.site_id != world.sites[-tenant].pk}
    kinds = {"patients": Patient, "adverse-events": AdverseEvent}
    seen: set[str] = set()
    waiting = {found for _, body in _everything(headers).values() for found in _ids(body)}
    while waiting:
        key = waiting.pop()
        seen.add(key)
        for name, model in kinds.items():
            answer = Client().get(f"/api/v1/{name}/{key}/", headers=headers)
            is_one = model._base_manager.filter(pk=key).exists()
            assert answer.status_code == (200 if is_one else 404), (name, key)
            if is_one:
                waiting |= _ids(answer.content) - seen
    assert not seen & foreign
    assert len(seen) > 10


def _ids(body: bytes) -> set[str]:
    return set(_ID.findall(body.decode()))


@pytest.mark.req("T4")
@pytest.mark.parametrize("role", ["study_coordinator", "cra", "principal_investigator"])
def test_what_is_listed_is_what_plain_sql_finds_at_the_site(world: World, role: str) -> None:
    for number, site in enumerate(world.sites):
        person = make_person(world, f"sql-{role}-{number}", role, site)
        for model, permission in (
            (Patient, P.PATIENT_VIEW),
            (VitalSign, P.VITAL_SIGN_VIEW),
            (AdverseEvent, P.ADVERSE_EVENT_VIEW),
        ):
            listed = set(visible(model._base_manager.all(), person, permission).values_list("pk"))
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT id FROM {model._meta.db_table} WHERE site_id = %s", [site.pk]
                )
                assert listed == set(cursor.fetchall())


@pytest.mark.req("T7")
def test_every_answer_says_that_it_is_one_persons_own(world: World, two: Two) -> None:
    for headers in (*map(bearer, two), {}):
        for key in (world.patients[0].pk, world.patients[-1].pk, UUID(str(NEVER_MADE))):
            answer = Client().get(f"/api/v1/patients/{key}/", headers=headers)
            assert answer["Cache-Control"] == "no-store"
            assert "Authorization" in answer["Vary"]
