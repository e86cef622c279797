"""A bedside monitor at 1 Hz: every sample kept, one vital sign a minute, roll-ups that add up."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from patients.models import DataFinding, VitalRollup, VitalSample, VitalSign, VitalsUpload
from patients.vocabulary import RollupLevel
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.patients.pipeline.uploads import NOW, Ward, pulse, run

pytestmark = pytest.mark.django_db


def second(number: int, value: Any = 72, **more: Any) -> dict[str, Any]:
    return pulse(value, NOW + timedelta(seconds=number), method="continuous", **more)


def level(which: int) -> list[VitalRollup]:
    return list(VitalRollup.objects.filter(level=which).order_by("at"))


def signs() -> list[tuple[datetime, Decimal]]:
    rows = VitalSign.objects.filter(code="heart_rate").order_by("measured_earliest")
    return [(row.measured_earliest, row.value) for row in rows]


def test_samples_are_kept_whole_and_one_a_minute_is_a_vital_sign(ward: Ward) -> None:
    run(ward.vitals([second(number, 60 + number % 7) for number in range(150)]))
    assert VitalSample.objects.count() == 150
    assert signs() == [
        (NOW + timedelta(minutes=minute), Decimal(60 + minute * 60 % 7)) for minute in range(3)
    ]
    sample = VitalSample.objects.order_by("measured_at").first()
    assert sample is not None
    assert (sample.site_id, sample.trial_id) == (ward.patient.site_id, ward.patient.trial_id)


def test_a_reading_without_the_method_is_a_vital_sign_each(ward: Ward) -> None:
    run(ward.vitals([pulse(70, NOW + timedelta(seconds=number)) for number in range(5)]))
    assert (VitalSample.objects.count(), len(signs())) == (0, 5)


def test_a_sample_that_meets_a_rule_is_a_vital_sign_and_an_alert(ward: Ward) -> None:
    ward.rule("threshold", code="heart_rate", direction="above", set=130, reset=120)
    values = [80] * 20 + [135] * 70
    run(ward.vitals([second(number, value) for number, value in enumerate(values)]))
    assert [value for _at, value in signs()] == [80, 135, 135]
    (alert,) = ward.patient_alerts()
    assert alert.observed_at == NOW + timedelta(seconds=20)


def test_a_second_upload_of_the_same_minute_adds_no_vital_sign(ward: Ward) -> None:
    run(ward.vitals([second(number) for number in range(20)]))
    run(ward.vitals([second(number) for number in range(20, 40)]))
    assert (VitalSample.objects.count(), len(signs())) == (40, 1)


def test_artifacts_and_impossible_values_are_kept_and_count_for_nothing(ward: Ward) -> None:
    readings = [second(0, 999), second(1, 400), second(2, 70, status="artifact"), second(3, 71)]
    run(ward.vitals(readings))
    assert VitalSample.objects.count() == 4
    (minute,) = level(RollupLevel.MINUTE)
    assert (minute.n, minute.marked, minute.minimum, minute.maximum) == (1, 3, 71, 71)
    assert [value for _at, value in signs()] == [71]
    finding = DataFinding.objects.get(rule="implausible_reading")
    assert finding.occurrences == 1


def test_roll_ups_are_what_the_samples_say_whatever_came_first(ward: Ward) -> None:
    rng = random.Random(20261126)
    seconds = [rng.randrange(3 * 86_400) for _ in range(300)]
    uploads = [
        ward.vitals([second(number, rng.randint(40, 140)) for number in seconds[start::10]])
        for start in range(10)
    ]
    rng.shuffle(uploads)
    for upload in uploads:
        run(upload)
    run(*uploads)  # a second run adds nothing
    samples = list(VitalSample.objects.order_by("measured_at", "id"))
    assert len(samples) == 300
    for width in RollupLevel.values:
        expected: dict[datetime, list[VitalSample]] = {}
        for sample in samples:
            begins = int(sample.measured_at.timestamp()) // width * width
            expected.setdefault(datetime.fromtimestamp(begins, NOW.tzinfo), []).append(sample)
        found = {row.at: row for row in level(width)}
        assert found.keys() == expected.keys()
        for at, some in expected.items():
            values = [one.value for one in some]
            row = found[at]
            assert (row.n, row.minimum, row.maximum, row.total, row.last) == (
                len(some), min(values), max(values), sum(values), values[-1],
            )  # fmt: skip


def test_samples_outside_consent_are_kept_and_not_shown(ward: Ward) -> None:
    upload = ward.vitals([second(number) for number in range(3)])
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        VitalsUpload.objects.filter(pk=upload.pk).update(disposition="outside_consent")
    run(upload)
    assert VitalSample.objects.count() == 3
    assert not VitalRollup.objects.exists()
