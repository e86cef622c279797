"""The generator: deterministic, plausible, and true to the domain's rules."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from portal.core.partial_dates import Answer
from portal.demo.generator import digest, generate
from portal.demo.generator import records as r
from tests.portal.demo.made import AS_OF, IN_APRIL, LEAP_DAY, made


@pytest.fixture
def demo() -> r.Demo:
    """The demo of one day in November."""
    return made()


def sites(demo: r.Demo) -> dict[object, r.Site]:
    return {site.id: site for site in demo.of(r.Site)}


def phase_3(demo: r.Demo) -> r.Trial:
    return next(trial for trial in demo.of(r.Trial) if trial.blinding == "double")


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def correlation(pairs: list[tuple[float, float]]) -> float:
    """Return Pearson's r."""
    xs, ys = zip(*pairs, strict=True)
    mx, my = mean(list(xs)), mean(list(ys))
    above = sum((x - mx) * (y - my) for x, y in pairs)
    below = (sum((x - mx) ** 2 for x in xs) * sum((y - my) ** 2 for y in ys)) ** 0.5
    return above / below


# --- determinism ---


def test_equal_day_and_seed_give_equal_rows(demo: r.Demo) -> None:
    assert digest(generate(AS_OF)) == digest(demo)


def test_another_day_gives_other_keys(demo: r.Demo) -> None:
    other = made(IN_APRIL)
    keys = {row.id for rows in demo.rows.values() for row in rows}
    assert keys.isdisjoint(row.id for rows in other.rows.values() for row in rows)


def test_another_seed_gives_other_readings(demo: r.Demo) -> None:
    assert digest(made(AS_OF, 2)) != digest(demo)


def test_every_key_is_unique_and_carries_the_instant_of_its_row(demo: r.Demo) -> None:
    rows = [row for kind in demo.rows.values() for row in kind]
    assert len({row.id for row in rows}) == len(rows)
    assert all(row.id.int >> 80 == int(row.created_at.timestamp() * 1000) for row in rows)


@pytest.mark.parametrize("as_of", [LEAP_DAY, IN_APRIL])
def test_any_day_can_be_asked_for(as_of: date) -> None:
    assert len(made(as_of).of(r.Patient)) == 240


# --- what the demo promises ---


def test_two_sponsors_three_trials_eight_sites_240_patients(demo: r.Demo) -> None:
    kinds = (r.Sponsor, r.Trial, r.Site, r.Institution, r.Patient)
    assert [len(demo.of(kind)) for kind in kinds] == [2, 3, 8, 8, 240]


def test_sites_lie_in_zones_with_and_without_daylight_saving(demo: r.Demo) -> None:
    january, july = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    zones = [ZoneInfo(site.time_zone) for site in demo.of(r.Site)]
    shifts = [january.astimezone(z).utcoffset() != july.astimezone(z).utcoffset() for z in zones]
    assert Counter(shifts) == {True: 4, False: 4}


def test_phase_3_is_double_blind_with_two_arms_of_about_equal_size(demo: r.Demo) -> None:
    arms = [arm.id for arm in demo.of(r.Arm) if arm.trial_id == phase_3(demo).id]
    sizes = Counter(row.arm_id for row in demo.of(r.Allocation))
    assert len(arms) == 2
    assert abs(sizes[arms[0]] - sizes[arms[1]]) <= 15


def test_the_first_twenty_patients_of_site_1_are_in_phase_3_and_mostly_treated(
    demo: r.Demo,
) -> None:
    site = next(site for site in demo.of(r.Site) if site.number == 1)
    first = [p for p in demo.of(r.Patient) if p.site_id == site.id][:20]
    treated = {row.patient_id for row in demo.of(r.Allocation)}
    assert site.trial_id == phase_3(demo).id
    assert [p.subject_number for p in first] == [f"01-{n:03d}" for n in range(1, 21)]
    assert sum(p.id in treated for p in first) == 18


def test_serious_events_one_death_and_two_susars(demo: r.Demo) -> None:
    first = {v.adverse_event_id: v for v in demo.of(r.AdverseEventVersion) if v.number == 1}
    serious = {key for key, v in first.items() if "yes" in v.seriousness.values()}
    related = {
        row.adverse_event_id
        for row in demo.of(r.CausalityAssessment)
        if row.is_related and row.assessor == "sponsor"
    }
    unexpected = {
        row.adverse_event_id for row in demo.of(r.ExpectednessAssessment) if not row.is_expected
    }
    assert 8 <= len(serious) <= 40
    assert len(demo.of(r.Death)) == 1
    assert sum(v.seriousness["death"] == "yes" for v in first.values()) == 1
    assert len(serious & related & unexpected) == 2


def test_screen_failures_discontinuations_and_completions_are_there(demo: r.Demo) -> None:
    ends = Counter((row.epoch, row.term) for row in demo.of(r.Disposition))
    assert ends["Screening", "screen_failure"] >= 10
    assert ends["Treatment", "completed"] >= 40
    assert ends["Treatment", "withdrawal_by_subject"] == 1
    assert ends["Treatment", "lost_to_follow_up"] == 1
    assert ends["Treatment", "adverse_event"] >= 3


def test_consent_is_given_again_after_the_amendment_and_withdrawn_once(demo: r.Demo) -> None:
    versions = {document.id: document.version for document in demo.of(r.ConsentDocument)}
    signed = defaultdict(list)
    for consent in demo.of(r.Consent):
        signed[consent.patient_id].append(versions[consent.document_id])
    assert sum(given == ["1.0", "2.0"] for given in signed.values()) >= 10
    assert len(signed) == 240
    assert len(demo.of(r.ConsentWithdrawal)) == 1


def test_one_reading_is_implausible(demo: r.Demo) -> None:
    flagged = [row for row in demo.of(r.VitalSign) if row.flags]
    assert [(row.code, row.flags) for row in flagged] == [("heart_rate", ("implausible",))]
    assert flagged[0].value > 350


def test_one_event_is_called_not_serious_though_a_criterion_is_met(demo: r.Demo) -> None:
    odd = [
        v
        for v in demo.of(r.AdverseEventVersion)
        if v.kind == "initial" and v.serious_as_reported == "no" and "yes" in v.seriousness.values()
    ]
    assert len(odd) == 1


def test_one_answer_to_the_safety_item_is_yes(demo: r.Demo) -> None:
    assert sum(a.value is True for a in demo.of(r.DiaryAnswer) if a.item == "self_harm") == 1


def test_units_are_mixed_where_the_site_is_american(demo: r.Demo) -> None:
    by_site = {site.id: site.country for site in demo.of(r.Site)}
    units = {
        (by_site[row.site_id] == "USA", row.original_unit)
        for row in demo.of(r.VitalSign)
        if row.code == "temperature"
    }
    assert units == {(True, "[degF]"), (False, "Cel")}
    warm = [row for row in demo.of(r.VitalSign) if row.original_unit == "[degF]"]
    exact = [(Decimal(row.original_value) - 32) / Decimal("1.8") for row in warm]
    assert all(abs(row.value - e) < Decimal("0.0001") for row, e in zip(warm, exact, strict=True))


def test_there_are_gaps_late_entries_partial_dates_and_unscheduled_visits(demo: r.Demo) -> None:
    states = Counter(row.state for row in demo.of(r.DiaryAssignment))
    assert min(states["missed"], states["late"], states["scheduled"]) >= 10
    assert sum(row.status == "not_done" for row in demo.of(r.Visit)) >= 20
    assert sum(row.kind == "unscheduled" for row in demo.of(r.Visit)) >= 10
    assert sum(bool(row.starts and row.starts.is_partial) for row in demo.of(r.MedicalHistory)) > 90
    slow = [
        row for row in demo.of(r.EproReport) if row.received_at - row.authored_at > timedelta(1)
    ]
    assert len(slow) >= 20


# --- plausible ---


def test_fever_comes_with_a_fast_heart(demo: r.Demo) -> None:
    at_once: dict[object, dict[str, float]] = defaultdict(dict)
    for row in demo.of(r.VitalSign):
        if row.value is not None and not row.flags and row.position == "sitting":
            at_once[row.patient_id, row.measured][row.code] = float(row.value)
    both = [found for found in at_once.values() if {"temperature", "heart_rate"} <= found.keys()]
    hot = [found["heart_rate"] for found in both if found["temperature"] >= 38]
    cool = [found["heart_rate"] for found in both if found["temperature"] < 37.3]
    assert len(hot) >= 3
    assert mean(hot) > mean(cool) + 8


def test_pressure_rises_with_age(demo: r.Demo) -> None:
    age = {row.patient_id: row.age for row in demo.of(r.Demographics)}
    pairs = [
        (float(age[row.patient_id]), float(row.value))
        for row in demo.of(r.VitalSign)
        if row.code == "systolic_bp" and row.setting == "visit" and row.value is not None
    ]
    assert correlation(pairs) > 0.25


def test_the_new_product_lowers_pressure_only_a_little(demo: r.Demo) -> None:
    arm = {row.patient_id: row.arm_id for row in demo.of(r.Allocation)}
    new, placebo = (a.id for a in demo.of(r.Arm) if a.trial_id == phase_3(demo).id)
    change: dict[object, list[float]] = {new: [], placebo: []}
    readings: dict[object, list[tuple[datetime, float]]] = defaultdict(list)
    for row in demo.of(r.VitalSign):
        if row.code == "systolic_bp" and row.setting == "visit" and row.position == "sitting":
            readings[row.patient_id].append((row.measured, float(row.value)))
    for patient, found in readings.items():
        found.sort()
        if arm.get(patient) in change and found[-1][0] - found[0][0] > timedelta(days=30):
            change[arm[patient]].append(found[-1][1] - found[0][1])
    assert -9 < mean(change[new]) - mean(change[placebo]) < -1


def test_diaries_worsen_before_a_serious_event(demo: r.Demo) -> None:
    site = next(site for site in demo.of(r.Site) if site.number == 1)
    patient = [p for p in demo.of(r.Patient) if p.site_id == site.id][1]
    onset = next(
        v.onset.earliest
        for v in demo.of(r.AdverseEventVersion)
        if v.patient_id == patient.id and v.term == "Pneumonia"
    )
    written = {row.id: row.authored_at for row in demo.of(r.EproReport)}
    fatigue = [
        ((onset - written[a.report_id]).days, a.value)
        for a in demo.of(r.DiaryAnswer)
        if a.patient_id == patient.id and a.item == "fatigue" and a.value is not None
    ]
    just_before = [value for days, value in fatigue if 0 <= days < 3]
    long_before = [value for days, value in fatigue if days > 8]
    assert mean(just_before) > mean(long_before) + 1


# --- rules ---


def test_nothing_reaches_the_portal_after_the_end(demo: r.Demo) -> None:
    end = datetime.combine(AS_OF, time(), UTC)
    assert max(row.created_at for rows in demo.rows.values() for row in rows) < end


def test_no_event_begins_before_birth(demo: r.Demo) -> None:
    age = {row.patient_id: row.age for row in demo.of(r.Demographics)}
    for version in demo.of(r.AdverseEventVersion):
        assert version.onset.earliest.year > version.created_at.year - age[version.patient_id]


def test_an_event_never_ends_before_it_begins_nor_becomes_known_before(demo: r.Demo) -> None:
    for version in demo.of(r.AdverseEventVersion):
        assert version.onset.earliest <= version.site_aware_at <= version.created_at
        if version.resolved is not None:
            assert version.resolved.is_before(version.onset) is not Answer.YES


def test_accepted_diaries_are_written_in_their_window_and_late_ones_after(demo: r.Demo) -> None:
    windows = {row.id: row for row in demo.of(r.DiaryAssignment)}
    for report in demo.of(r.EproReport):
        window = windows[report.assignment_id]
        assert window.opens_at <= report.authored_at
        assert (report.authored_at <= window.closes_at) == (report.disposition == "accepted")


def test_windows_are_wall_time_on_both_sides_of_a_change_of_clocks() -> None:
    for as_of in (AS_OF, IN_APRIL):
        offsets = defaultdict(set)
        for row in made(as_of).of(r.DiaryAssignment):
            local = row.opens_at.astimezone(ZoneInfo(row.zone))
            assert (f"{local:%H:%M}", local.date()) == (row.opens_local, row.local_day)
            offsets[row.zone].add(local.utcoffset())
        assert len(offsets["Australia/Lord_Howe"]) == len(offsets["Europe/London"]) == 2
        assert len(offsets["Asia/Kathmandu"]) == len(offsets["Asia/Tokyo"]) == 1


def test_clinical_dates_state_the_offset_in_force_at_the_site(demo: r.Demo) -> None:
    for row in demo.of(r.VitalSign):
        assert row.measured_at.earliest == row.measured.replace(second=0, microsecond=0)
        assert row.measured_at.zone == sites(demo)[row.site_id].time_zone


def test_visits_keep_office_hours(demo: r.Demo) -> None:
    zones = {key: ZoneInfo(site.time_zone) for key, site in sites(demo).items()}
    done = [row for row in demo.of(r.Visit) if row.status == "done"]
    assert all(7 <= row.starts.earliest.astimezone(zones[row.site_id]).hour < 16 for row in done)


def test_a_device_is_held_by_one_patient_at_a_time(demo: r.Demo) -> None:
    held = defaultdict(list)
    for row in demo.of(r.DeviceAssignment):
        held[row.device_id].append((row.starts_at, row.ends_at))
    assert max(map(len, held.values())) > 1
    for stretches in held.values():
        stretches.sort(key=lambda stretch: stretch[0])
        for (_, ends), (starts, _) in pairwise(stretches):
            assert ends is not None and ends <= starts


def test_home_readings_come_from_the_cuff_that_the_patient_holds(demo: r.Demo) -> None:
    held = {(row.patient_id, row.device_id): row for row in demo.of(r.DeviceAssignment)}
    home = [row for row in demo.of(r.VitalSign) if row.setting == "home"]
    assert len(home) > 500
    for row in home:
        stretch = held[row.patient_id, row.device_id]
        assert stretch.starts_at <= row.measured
        assert stretch.ends_at is None or row.measured <= stretch.ends_at


def test_nothing_is_measured_after_death(demo: r.Demo) -> None:
    death = demo.of(r.Death)[0]
    last = max(row.measured for row in demo.of(r.VitalSign) if row.patient_id == death.patient_id)
    assert last <= death.died.latest


def test_names_are_made_up(demo: r.Demo) -> None:
    names = [row.name for kind in (r.Sponsor, r.Institution) for row in demo.of(kind)]
    assert all(name.startswith(("Example ", "Sample ")) for name in names)
