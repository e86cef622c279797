"""Keys are rotated: nothing needs the old one, everything can be read, and it was written down."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from patients.models import Identity, IdentityKey
from patients.services.identities import amend_identity, find_by_name
from patients.services.identity_keys import ring_of
from patients.services.key_rotation import outdated
from portal.audit.models import AuditEntry
from portal.core import clock
from portal.core.history import TRACKED
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.sealed import KeyMissing, Place, key_id_of
from tests.patients.services.people import index_text, person, ring_text
from tests.patients.services.rotating import NAMES, PEOPLE, Ward, keys_in_use, rotate


@pytest.mark.req("PV-07")
def test_after_rotation_nothing_needs_the_old_key(ward: Ward, settings: Settings) -> None:
    assert rotate() == [3, 6, 7]

    assert keys_in_use() == {"new"}
    settings.IDENTITY_KEYS = ring_text("new")
    assert ward.names() == NAMES
    assert ward.read(ward.patients[0]) == person(name="Person 0")


def test_rotation_changes_every_ciphertext_and_its_nonce(ward: Ward) -> None:
    columns = ("name", "birth_date", "contact", "identifiers")
    before = {bytes(v) for row in Identity.objects.values_list(*columns) for v in row}
    rotate()
    after = {bytes(v) for row in Identity.objects.values_list(*columns) for v in row}

    assert len(before) == len(after) == PEOPLE * 4
    assert not before & after


def test_second_rotation_finds_nothing_to_do(ward: Ward) -> None:
    rotate()
    assert rotate() == []


def test_index_key_is_rotated_likewise(ward: Ward, settings: Settings) -> None:
    settings.IDENTITY_KEYS = ring_text("old")
    settings.IDENTITY_INDEX_KEY = index_text("new", "old")
    assert outdated().count() == PEOPLE
    rotate()

    settings.IDENTITY_INDEX_KEY = index_text("new")
    assert find_by_name(name="person 3", by=ward.by, at=clock.now()) == [ward.patients[3]]
    assert not outdated().exists()


@pytest.mark.req("P11-12")
def test_rotation_is_in_the_history_and_in_the_audit_trail(ward: Ward) -> None:
    rotate()

    rows = TRACKED[Identity].objects.filter(pgh_label="update")
    assert {(row.acted_by, row.acted_reason) for row in rows} == {(SYSTEM_ACCOUNT, "keys rotated")}
    assert rows.count() == PEOPLE
    entries = AuditEntry.objects.filter(action="keys_rotated").order_by("id")
    assert [entry.detail for entry in entries] == [{"key_id": "new", "rows": n} for n in (3, 3, 1)]


@pytest.mark.req("F112")
def test_row_whose_key_is_gone_stays_and_is_named(ward: Ward, settings: Settings) -> None:
    settings.IDENTITY_KEYS = ring_text("lost")
    amended = Identity.objects.order_by("pk").first()
    assert amended is not None
    settings.IDENTITY_KEYS = ring_text("lost", "old")
    amend_identity(
        patient=ward.patients[0], changes={"name": "Lost"}, by=ward.by, at=clock.now(), reason="x"
    )
    lost = Identity.objects.get(keys__key_id="lost")
    settings.IDENTITY_KEYS = ring_text("new", "old")
    err = StringIO()

    with pytest.raises(
        CommandError, match="6 identities and 0 push subscriptions sealed anew, 1 do not open"
    ):
        call_command("rotate_keys", batch=2, stderr=err)

    assert str(lost.pk) in err.getvalue()
    assert bytes(Identity.objects.get(pk=lost.pk).name or b"") == bytes(lost.name or b"")
    settings.IDENTITY_KEYS = ring_text("new", "lost")
    with pytest.raises(
        CommandError, match="1 identities and 0 push subscriptions sealed anew, 1 do not open"
    ):
        call_command("rotate_keys", stderr=err)
    settings.IDENTITY_KEYS = ring_text("new")
    assert ward.names() == ["Lost", *NAMES[1:]]
    settings.IDENTITY_KEYS = ring_text("new", "old")  # what history needs is wrapped anew too
    call_command("rotate_keys", stdout=StringIO())
    assert keys_in_use() == {"new"}


def test_keys_of_earlier_writings_are_wrapped_anew(ward: Ward, settings: Settings) -> None:
    rotate()
    settings.IDENTITY_KEYS = ring_text("new")

    first: Any = TRACKED[Identity]._default_manager.filter(pgh_label="insert").earliest("pgh_id")
    key = IdentityKey.objects.get(pk=key_id_of(bytes(first.name)))
    place = Place("patients_identity", "name", first.pgh_obj_id)
    assert ring_of(key, "person_key").open(bytes(first.name), place) == b'"Person 0"'


@pytest.mark.parametrize("name", ["IDENTITY_KEYS", "IDENTITY_INDEX_KEY"])
def test_rotation_without_keys_is_refused(name: str, ward: Ward, settings: Settings) -> None:
    setattr(settings, name, "")

    with pytest.raises(CommandError, match="is missing"):
        call_command("rotate_keys")
    with pytest.raises(KeyMissing):
        rotate()
    assert keys_in_use() == {"old"}


@pytest.mark.parametrize("batch", ["0", "-1", "x", "10001"])
def test_batch_is_a_sensible_number(batch: str, ward: Ward) -> None:
    with pytest.raises(CommandError, match="rows from 1 to 10000"):
        call_command("rotate_keys", "--batch", batch)


def test_command_says_what_it_did(ward: Ward) -> None:
    out = StringIO()
    call_command("rotate_keys", stdout=out)

    said = "7 identities sealed anew and 0 push subscriptions, all under new\n"
    assert out.getvalue() == said
