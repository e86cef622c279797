"""What is known of the published pilot study, so that reading and rules are held to it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from patients.rules.vital_codes import convert
from portal.core.partial_dates import Answer
from portal.exchange.sdtm.reading.folder import read_folder, read_rows
from portal.exchange.sdtm.rules import events, results, visits
from portal.exchange.sdtm.values import vocabulary
from portal.exchange.sdtm.values.dates import read_date
from portal.exchange.sdtm.values.numbers import read_decimal, read_number

Row = dict[str, Any]


@cache
def everything(folder: Path) -> dict[str, list[Row]]:
    domains: dict[str, list[Row]] = defaultdict(list)
    for dataset in read_folder(folder).datasets:
        for chunk in read_rows(dataset):
            domains[dataset.domain] += chunk.rows
    return domains


@pytest.fixture(scope="module")
def pilot(real_data: Path) -> dict[str, list[Row]]:
    return everything(real_data / "cdisc_pilot")


@pytest.fixture(scope="module")
def people(pilot: dict[str, list[Row]]) -> dict[str, Row]:
    return {row["USUBJID"]: row for row in pilot["DM"]}


def dated(row: Row, variable: str) -> Any:
    return read_date(row[variable] or "").value


def dates(pilot: dict[str, list[Row]]) -> Iterator[str]:
    for rows in pilot.values():
        for row in rows:
            yield from (v for k, v in row.items() if k.endswith("DTC") and v)


def test_subjects_sites_and_rows(pilot: dict[str, list[Row]]) -> None:
    assert len(pilot["DM"]) == 306
    assert len({row["SITEID"] for row in pilot["DM"]}) == 17
    assert Counter(
        {domain: len(pilot[domain]) for domain in ("VS", "AE", "CM", "MH", "LB", "QS")}
    ) == {
        "VS": 29_643,
        "AE": 1_191,
        "CM": 7_510,
        "MH": 1_818,
        "LB": 37_653,
        "QS": 5_388,
    }


def test_every_date_is_read_and_6132_are_partial(pilot: dict[str, list[Row]]) -> None:
    readings = [read_date(text) for text in dates(pilot)]
    assert all(reading.value for reading in readings)
    assert sum(reading.value.is_partial for reading in readings if reading.value) == 6_132


def test_36_events_contradict_themselves_all_deaths_among_them(pilot: dict[str, list[Row]]) -> None:
    odd = [row for row in pilot["AE"] if events.has_criterion_without_serious_flag(row)]
    assert len(odd) == 36
    assert sum(row["AEOUT"] == "FATAL" for row in odd) == 3
    assert not any(events.is_serious_without_criterion(row) for row in pilot["AE"])
    assert not any(events.fatal_outcome_and_death_differ(row) for row in pilot["AE"])


def test_250_events_end_while_not_recovered(pilot: dict[str, list[Row]]) -> None:
    assert (
        sum(
            events.ends_while_not_recovered(
                dated(row, "AEENDTC"), vocabulary.coded(vocabulary.OUTCOMES, row["AEOUT"]).code
            )
            for row in pilot["AE"]
        )
        == 250
    )


def test_events_before_the_first_dose(pilot: dict[str, list[Row]], people: dict[str, Row]) -> None:
    answers = Counter(
        (
            dated(row, "AESTDTC").is_partial,
            events.begins_before_first_dose(
                dated(row, "AESTDTC"), dated(people[row["USUBJID"]], "RFXSTDTC")
            ),
        )
        for row in pilot["AE"]
    )
    assert answers[False, Answer.YES] == 45
    assert answers[False, Answer.CANNOT_TELL] == 28
    assert answers[True, Answer.CANNOT_TELL] == 0


def test_12_subjects_took_another_arm_than_planned(people: dict[str, Row]) -> None:
    assert sum(events.arms_differ(row["ARMCD"], row["ACTARMCD"]) for row in people.values()) == 12


def test_122_unscheduled_visits_fit_and_so_does_the_rest(pilot: dict[str, list[Row]]) -> None:
    plan = {
        Decimal(str(row["VISITNUM"])): visits.PlannedVisit(
            Decimal(str(row["VISITNUM"])), row["VISIT"], row["VISITDY"]
        )
        for row in pilot["TV"]
    }
    assert sum(visits.is_unscheduled(row["VISIT"]) for row in pilot["SV"]) == 122
    assert not any(
        visits.misfit_with_plan(Decimal(str(row["VISITNUM"])), row["VISIT"], row["VISITDY"], plan)
        for domain in ("SV", "VS", "LB", "EX")
        for row in pilot[domain]
    )


def test_vital_signs_convert_to_what_the_file_says(pilot: dict[str, list[Row]]) -> None:
    conversions = not_done = 0
    for row in pilot["VS"]:
        given = read_number(row["VSORRES"])
        if given is None:
            not_done += row["VSSTAT"] == vocabulary.NOT_DONE
            continue
        code = vocabulary.VITAL_SIGNS[row["VSTESTCD"]]
        canonical = convert(code, given.value, row["VSORRESU"])
        stated = read_decimal(row["VSSTRESN"])
        assert canonical.value is not None and stated is not None
        assert not results.standard_result_differs(canonical.value, stated)
        conversions += bool(canonical.factor)
    assert (conversions, not_done) == (5_007, 8)


def test_conversions_of_vital_signs_and_chemistry(pilot: dict[str, list[Row]]) -> None:
    laboratory = [row for row in pilot["LB"] if row["LBORRESU"] != row["LBSTRESU"]]
    chemistry = [row for row in laboratory if row["LBCAT"] == "CHEMISTRY"]
    assert 5_007 + len(chemistry) == 28_653
    assert 5_007 + len(laboratory) == 29_196


def test_8199_groups_hold_several_values(pilot: dict[str, list[Row]]) -> None:
    groups = Counter((row["USUBJID"], row["VSTESTCD"], row["VSDTC"]) for row in pilot["VS"])
    assert sum(count > 1 for count in groups.values()) == 8_199


def test_six_jumps_in_weight(pilot: dict[str, list[Row]]) -> None:
    weights: dict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    for row in pilot["VS"]:
        if row["VSTESTCD"] == "WEIGHT":
            weights[row["USUBJID"]].append((row["VSDTC"], Decimal(str(row["VSSTRESN"]))))
    jumps = [
        subject
        for subject, readings in weights.items()
        for before, after in zip(sorted(readings), sorted(readings)[1:], strict=False)
        if results.is_implausible_jump(before[1], after[1])
    ]
    assert sorted(Counter(jumps).values()) == [1, 1, 2, 2]


def test_one_study_day_betrays_a_wrong_year(
    pilot: dict[str, list[Row]], people: dict[str, Row]
) -> None:
    odd = [
        row["AESTDY"]
        for row in pilot["AE"]
        if results.study_day_differs(
            row["AESTDY"], dated(row, "AESTDTC"), dated(people[row["USUBJID"]], "RFSTDTC")
        )
    ]
    assert odd == [366]


def test_every_related_record_exists_and_no_key_repeats(pilot: dict[str, list[Row]]) -> None:
    keys = {
        domain: [(row["USUBJID"], str(row[f"{domain}SEQ"])) for row in pilot[domain]]
        for domain in ("AE", "DS", "VS", "LB", "QS", "CM", "MH", "EX")
    }
    assert not any(results.repeated_keys(found) for found in keys.values())
    assert all(
        (row["USUBJID"], row["IDVARVAL"].strip()) in set(keys[row["RDOMAIN"]])
        for row in pilot["RELREC"][:40]
    )
