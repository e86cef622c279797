"""Device tokens for a whole trial: one command, one file."""

import stat
import time
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from patients.models import Patient
from patients.vocabulary import Participation
from portal.access.permissions import Permission
from portal.access.scoping import visible
from portal.accounts.models import Session, SessionKind, User, UserKind
from portal.accounts.services.sessions import authenticate
from portal.accounts.services.tokens import TokenType
from portal.core import clock
from portal.core.bulk import copy_in
from portal.core.history import TRACKED, acting
from portal.core.ids import SYSTEM_ACCOUNT, uuid7
from tests.access.world import World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    """Two patients of the first trial are enrolled, one is randomized, one is in screening."""
    made = make_world()
    states = (Participation.ENROLLED, Participation.RANDOMIZED, Participation.ENROLLED)
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        for patient, state in zip(made.patients, states, strict=False):
            Patient.objects.filter(pk=patient.pk).update(participation=state)
    return made


def issue(out: Path, *options: object, trial: str = "T00") -> str:
    """Run the command; return what it says."""
    said = StringIO()
    call_command(
        "issue_device_tokens", "--trial", trial, "--out", str(out), *map(str, options), stdout=said
    )
    return said.getvalue()


def lines(file: Path) -> list[tuple[str, str]]:
    """Return patient and token of each line."""
    return [(line.split("\t")[0], line.split("\t")[1]) for line in file.read_text().splitlines()]


def test_each_enrolled_patient_gets_a_token_that_is_bound_to_them(
    world: World, tmp_path: Path
) -> None:
    said = issue(tmp_path / "tokens")

    issued = lines(tmp_path / "tokens")
    assert [UUID(patient) for patient, _ in issued] == [p.pk for p in world.patients[:3]]
    for patient, token in issued:
        found = authenticate(token, clock.now(), accepts=[TokenType.DEVICE])
        assert found.session.kind == SessionKind.DEVICE
        assert str(found.session.patient_id) == patient
        assert found.user == Patient.objects.get(pk=patient).account
    assert said.startswith("3 device tokens")


def test_accounts_made_on_the_way_show_their_own_patient_only(world: World, tmp_path: Path) -> None:
    issue(tmp_path / "tokens")

    patient = Patient.objects.get(pk=world.patients[0].pk)
    assert patient.account is not None
    assert (patient.account.kind, patient.account.has_usable_password()) == (UserKind.PATIENT, 0)
    own = visible(Patient.objects.all(), patient.account, Permission.PATIENT_VIEW)
    assert list(own) == [patient]


def test_second_run_keeps_the_accounts_and_the_earlier_tokens(world: World, tmp_path: Path) -> None:
    issue(tmp_path / "first")
    accounts = set(User.objects.filter(kind=UserKind.PATIENT))
    issue(tmp_path / "second")

    assert set(User.objects.filter(kind=UserKind.PATIENT)) == accounts
    for _, token in lines(tmp_path / "first") + lines(tmp_path / "second"):
        assert authenticate(token, clock.now(), accepts=[TokenType.DEVICE])


def test_count_chooses_the_first_patients_or_gives_several_phones_each(
    world: World, tmp_path: Path
) -> None:
    issue(tmp_path / "few", "--count", 2)
    issue(tmp_path / "many", "--count", 7)

    first, second, third = (str(p.pk) for p in world.patients[:3])
    assert [patient for patient, _ in lines(tmp_path / "few")] == [first, second]
    many = [patient for patient, _ in lines(tmp_path / "many")]
    assert many == [first, second, third, first, second, third, first]
    assert len({token for _, token in lines(tmp_path / "many")}) == 7


def test_file_is_for_its_owner_alone_and_leaves_no_draft(world: World, tmp_path: Path) -> None:
    issue(tmp_path / "tokens")

    assert stat.S_IMODE((tmp_path / "tokens").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["tokens"]


def test_existing_file_is_replaced_only_when_asked(world: World, tmp_path: Path) -> None:
    out = tmp_path / "tokens"
    out.write_text("mine")
    with pytest.raises(CommandError, match="exists"):
        issue(out)
    assert (out.read_text(), Session.objects.count()) == ("mine", 0)
    issue(out, "--force")
    assert len(lines(out)) == 3


@pytest.mark.parametrize(
    ("options", "trial", "said"),
    [
        ((), "NONE", "There is no trial 'NONE'"),
        (("--sponsor", "Southwind"), "T00", "There is no trial 'T00' of 'Southwind'"),
        ((), "T01", "no enrolled patient"),
        (("--count", "0"), "T00", "a number from 1"),
    ],
)
def test_what_cannot_be_issued_is_refused_in_one_line(
    world: World, tmp_path: Path, options: tuple[str, ...], trial: str, said: str
) -> None:
    with pytest.raises(CommandError, match=said) as caught:
        issue(tmp_path / "tokens", *options, trial=trial)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    assert not Session.objects.exists()


def test_folder_that_is_missing_leaves_nothing_issued(world: World, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        issue(tmp_path / "nowhere" / "tokens")
    assert not Session.objects.exists()


def test_deactivated_patient_gets_no_phone(world: World, tmp_path: Path) -> None:
    issue(tmp_path / "before")
    account = Patient.objects.get(pk=world.patients[0].pk).account
    assert account is not None
    with acting(by=SYSTEM_ACCOUNT, reason="withdrawn"):
        User.objects.filter(pk=account.pk).update(is_active=False)

    issue(tmp_path / "after")
    assert [UUID(p) for p, _ in lines(tmp_path / "after")] == [p.pk for p in world.patients[1:3]]


def test_who_issued_and_why_is_in_the_history(world: World, tmp_path: Path) -> None:
    issue(tmp_path / "tokens")

    rows = TRACKED[Session]._default_manager.values_list("acted_by", "acted_reason")
    assert set(rows) == {(SYSTEM_ACCOUNT, "device tokens issued")}
    linked = TRACKED[Patient]._default_manager.filter(pgh_label="update").latest("pgh_id")
    assert linked.acted_reason == "device tokens issued"  # type: ignore[attr-defined]


def test_five_thousand_tokens_take_seconds(world: World, tmp_path: Path) -> None:
    """Goal: seconds. The bound is wide, for a busy machine; 5 ms a patient would exceed it."""
    site = world.sites[0]
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        copy_in(
            Patient,
            (
                {
                    "id": uuid7(),
                    "trial_id": site.trial_id,
                    "site_id": site.pk,
                    "usubjid": f"BULK-{number}",
                    "subject_number": f"BULK-{number}",
                    "participation": Participation.RANDOMIZED,
                }
                for number in range(5_000)
            ),
        )
    began = time.perf_counter()
    issue(tmp_path / "tokens", "--count", 5_000)
    assert time.perf_counter() - began < 30
    assert len({patient for patient, _ in lines(tmp_path / "tokens")}) == 5_000
