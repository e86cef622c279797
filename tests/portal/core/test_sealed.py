"""Sealed values open in their place only, with their key only, and keys never show."""

import base64
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as live_settings
from django.views.debug import SafeExceptionReporterFilter
from pytest_django import Settings

from portal.core import sealed
from portal.core.ids import uuid7
from portal.core.sealed import KeyMissing, MalformedKeys, Place, SealBroken

ROOT = Path(__file__).resolve().parents[3]
KEYS = {name: os.urandom(32) for name in ("k1", "k2")}
HERE = Place("patients_identity", "name", uuid7())
CLEAR = "Zoë Müller-Łukasiewicz 王小明".encode()


def written(*names: str) -> str:
    return ",".join(f"{name}:{base64.b64encode(KEYS[name]).decode()}" for name in names)


def ring(*names: str) -> sealed.KeyRing:
    return sealed.parse_ring(written(*names))


@pytest.mark.req("PV-07")
def test_sealed_value_opens_in_its_place() -> None:
    value = ring("k1").seal(CLEAR, HERE)

    assert CLEAR not in value
    assert sealed.key_id_of(value) == "k1"
    assert ring("k1").open(value, HERE) == CLEAR


def test_equal_values_are_sealed_differently() -> None:
    assert len({ring("k1").seal(CLEAR, HERE) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place("patients_patient", "name", HERE.row),
        Place("patients_identity", "contact", HERE.row),
        Place("patients_identity", "name", uuid7()),
    ],
    ids=["table", "column", "row"],
)
def test_value_moved_to_another_place_is_refused(elsewhere: Place) -> None:
    value = ring("k1").seal(CLEAR, HERE)

    with pytest.raises(SealBroken):
        ring("k1").open(value, elsewhere)


def test_value_under_the_name_of_another_key_is_refused() -> None:
    value = ring("k1").seal(CLEAR, HERE)
    same_key_other_name = sealed.parse_ring(written("k1").replace("k1:", "k9:"))

    with pytest.raises(SealBroken):
        same_key_other_name.open(value.replace(b"k1", b"k9", 1), HERE)


def test_value_altered_at_any_byte_is_refused() -> None:
    value = ring("k1").seal(CLEAR, HERE)

    for place in range(len(value)):
        altered = bytearray(value)
        altered[place] ^= 1
        with pytest.raises((SealBroken, KeyMissing)):
            ring("k1").open(bytes(altered), HERE)


@pytest.mark.parametrize("length", [0, 1, 2, 10, 31])
def test_value_cut_short_is_refused(length: int) -> None:
    with pytest.raises(SealBroken):
        ring("k1").open(ring("k1").seal(CLEAR, HERE)[:length], HERE)


@pytest.mark.req("F112")
def test_first_key_seals_and_every_key_opens() -> None:
    old = ring("k1").seal(CLEAR, HERE)
    both = ring("k2", "k1")

    assert both.open(old, HERE) == CLEAR
    assert sealed.key_id_of(both.seal(CLEAR, HERE)) == "k2"


@pytest.mark.req("F112")
def test_missing_key_is_said_and_not_taken_for_a_broken_seal() -> None:
    value = ring("k1").seal(CLEAR, HERE)

    with pytest.raises(KeyMissing) as caught:
        ring("k2").open(value, HERE)
    assert caught.value.code == "key_missing"
    with pytest.raises(KeyMissing):
        sealed.parse_ring("").seal(CLEAR, HERE)


@pytest.mark.parametrize(
    "text",
    [
        "k1",
        "k1:",
        "k1:AAAA",
        "k1:not base64",
        ":" + base64.b64encode(bytes(32)).decode(),
        "K 1:" + base64.b64encode(bytes(32)).decode(),
        "x" * 41 + ":" + base64.b64encode(bytes(32)).decode(),
        written("k1") + "," + written("k1"),
        written("k1") + "," + written("k1").replace("k1:", "k2:"),
    ],
    # Keys are random: workers must still agree on the tests' names.
    ids=[
        "name",
        "empty",
        "short",
        "no base64",
        "unnamed",
        "space",
        "long",
        "twice",
        "one key twice",
    ],
)
def test_malformed_ring_is_refused_and_leaves_no_key_in_the_message(text: str) -> None:
    with pytest.raises(MalformedKeys) as caught:
        sealed.parse_ring(text)
    assert len(text) < 10 or text.partition(":")[2][:20] not in repr(caught.value)


@pytest.mark.parametrize("text", ["AAAA", "not base64!", "aa" * 32 + "," + "aa" * 32])
def test_malformed_index_key_is_refused(text: str) -> None:
    with pytest.raises(MalformedKeys):
        sealed.parse_index(text)


def test_settings_that_cannot_be_read_are_a_missing_key(settings: Settings) -> None:
    settings.IDENTITY_KEYS = settings.IDENTITY_INDEX_KEY = "nonsense"

    with pytest.raises(KeyMissing):
        sealed.key_ring()
    with pytest.raises(KeyMissing):
        sealed.blind_index()


def test_digest_is_of_its_column_and_key_alone() -> None:
    text = base64.b64encode(KEYS["k1"]).decode()
    index = sealed.parse_index(text)
    other = sealed.parse_index(base64.b64encode(KEYS["k2"]).decode())

    digest = index.digest("smith", "t", "name")
    assert digest == index.digest("smith", "t", "name")
    assert (
        len({
            digest,
            index.digest("smith", "t", "identifiers"),
            index.digest("smith", "u", "name"),
            other.digest("smith", "t", "name"),
            index.digest("smith", "tn", "ame"),
        })
        == 5
    )  # fmt: skip
    assert index.key_id != other.key_id


def test_older_index_keys_still_find() -> None:
    old, new = (base64.b64encode(KEYS[name]).decode() for name in ("k1", "k2"))
    stored = sealed.parse_index(old).digest("smith", "t", "name")
    both = sealed.parse_index(f"{new},{old}")

    assert stored in both.candidates("smith", "t", "name")
    assert both.digest("smith", "t", "name") != stored
    with pytest.raises(KeyMissing):
        sealed.parse_index("").candidates("smith", "t", "name")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("José", "Jose\u0301"),
        ("  Anna   Maria ", "anna maria"),
        ("\uff21nn", "ann"),
        ("\ufb01sher", "fisher"),
    ],
)
def test_texts_that_read_alike_are_compared_as_equal(one: str, other: str) -> None:
    assert sealed.normalized(one) == sealed.normalized(other)


def test_keys_are_in_no_repr_and_are_not_handed_on() -> None:
    for holder in (
        ring("k1", "k2"),
        sealed.parse_index(base64.b64encode(KEYS["k1"]).decode()),
    ):
        shown = f"{holder!r} {holder} {[holder]}"
        for key in KEYS.values():
            for form in (repr(key), base64.b64encode(key).decode(), key.hex()):
                assert form not in shown
        assert not hasattr(holder, "__dict__")
        with pytest.raises(TypeError):
            pickle.dumps(holder)
    assert repr(ring("k1", "k2")) == "KeyRing(k1, k2)"


def test_keys_are_in_no_error_page_and_no_listing_of_settings() -> None:
    names = ("IDENTITY_KEYS", "IDENTITY_INDEX_KEY", "SECRET_KEY", "JWT_SIGNING_KEY")
    listed = subprocess.run(
        [sys.executable, "manage.py", "diffsettings", "--all"],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )

    page = SafeExceptionReporterFilter().get_safe_settings()
    for name in names:
        value = str(getattr(live_settings, name))
        assert value
        assert value.rpartition(":")[2] not in listed.stdout + listed.stderr
        assert value not in str(page[name])
    assert "IDENTITY_KEYS = '[withheld]'" in listed.stdout


def test_passwords_of_servers_are_in_no_listing_of_settings() -> None:
    addresses = {
        "DATABASE_URL": "postgresql://portal_app:canary-one@db.example/portal?sslpassword=canary-two",
        "DATABASE_OWNER_URL": "postgresql://portal_owner:canary-three@db.example/portal",
        "REDIS_URL": "redis://:canary-four@valkey.example:6379/0",
        "PORTAL_METRICS_TOKEN": "canary-five",
    }
    listed = subprocess.run(
        [sys.executable, "manage.py", "diffsettings", "--all"],
        cwd=ROOT,
        env=os.environ | addresses,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "DATABASE_URL = '[withheld]'" in listed.stdout
    assert "canary" not in listed.stdout + listed.stderr
