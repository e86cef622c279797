"""Partial dates: any precision, honest bounds, the same arithmetic in Python and PostgreSQL."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.core.partial_dates import Answer, NotADate, PartialDateTime, Precision

VALID = [
    "2013",
    "2013-05",
    "2013-05-17",
    "2013-05-17T08",
    "2013-05-17T08:30",
    "2013-05-17T08:30:15",
    "2013-05-17T08:30:15.123",
    "2013-05-17T08:30:15Z",
    "2013-05-17T08:30+02:00",
    "2003---15",
    "--12-15",
    "-----T07:15",
    "2013-05-17T-:30",
]
INVALID = [
    "",
    "-",
    "13",
    "2013-5",
    "2013-13",
    "2013-02-30",
    "2013-05-17 08:30",
    "2013-05-17T24:00",
    "2013-05-17T08:60",
    "2013-05-17T08:30:60",
    "2013-05-17T08:30+2",
    "0000",
    "infinity",
    "2013-05-17[Mars/Olympus]",
    "２０１３",
    "2013-05-17T08:30:15.1234567",
]
ZONES = [
    None,
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kathmandu",
    "Pacific/Apia",
]


@pytest.mark.parametrize("text", VALID)
def test_text_is_kept_as_given(text: str) -> None:
    assert PartialDateTime(text).text == text
    assert PartialDateTime.from_stored(PartialDateTime(text, "Asia/Tokyo").stored).text == text


@pytest.mark.parametrize("text", INVALID)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(NotADate):
        PartialDateTime.from_stored(text)


@pytest.mark.parametrize(
    ("text", "precision"),
    [
        ("2013", Precision.YEAR),
        ("2013-05", Precision.MONTH),
        ("2013-05-17", Precision.DAY),
        ("2013-05-17T08:30", Precision.MINUTE),
        ("2003---15", Precision.YEAR),
        ("--12-15", Precision.NONE),
    ],
)
def test_precision_is_the_finest_part_without_a_gap(text: str, precision: Precision) -> None:
    assert PartialDateTime(text).precision == precision


def test_unknown_zone_widens_the_bounds_to_the_whole_earth() -> None:
    date = PartialDateTime("2013-05-17")
    assert date.earliest == datetime(2013, 5, 16, 10, tzinfo=UTC)
    assert date.latest == datetime(2013, 5, 18, 11, 59, 59, 999999, tzinfo=UTC)


def test_known_zone_gives_the_local_day() -> None:
    date = PartialDateTime("2013-05-17", "Europe/Paris")
    assert date.earliest == datetime(2013, 5, 16, 22, tzinfo=UTC)
    assert date.latest == datetime(2013, 5, 17, 21, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        ("2013-05-17", "2013-05-20", Answer.YES),
        ("2013-05-20", "2013-05-17", Answer.NO),
        ("2013-05", "2013-05-17", Answer.CANNOT_TELL),
        ("2013-05-17", "2013-05-17", Answer.CANNOT_TELL),
        ("2013-05-17", "2013-05-18", Answer.CANNOT_TELL),  # the zones are unknown
        ("--12-15", "2013", Answer.CANNOT_TELL),
        ("2012", "2013-05", Answer.YES),
    ],
)
def test_comparison_says_yes_no_or_cannot_tell(first: str, second: str, answer: Answer) -> None:
    assert PartialDateTime(first).is_before(PartialDateTime(second)) is answer


def _texts() -> st.SearchStrategy[str]:
    # The zone database promises no agreement between its editions before 1970.
    instants = st.datetimes(datetime(1970, 1, 1), datetime(2090, 1, 1)).map(
        lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000).isoformat()
    )
    cut = st.sampled_from([4, 7, 10, 13, 16, 19, 23])
    offsets = st.sampled_from(["", "", "Z", "+05:45", "-10:30"])
    texts = st.builds(
        lambda text, at, offset: text[:at] + (offset if at > 10 and len(text) >= at else ""),
        instants,
        cut,
        offsets,
    )
    return st.one_of(texts, st.sampled_from(VALID))


@pytest.mark.django_db
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=_texts(), zone=st.sampled_from(ZONES))
def test_database_and_python_give_the_same_bounds(text: str, zone: str | None) -> None:
    date = PartialDateTime(text, zone)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT partial_earliest(%s), partial_latest(%s)", [date.stored, date.stored]
        )
        assert cursor.fetchone() == (date.earliest, date.latest)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("2026-10-25T02:30", "Europe/Paris"),
        ("2027-03-28T02:30", "Europe/Paris"),
        ("2026-11-01T01:30", "America/New_York"),
        ("2026-04-05T01:45", "Australia/Lord_Howe"),
        ("2026-10-04T02:15", "Australia/Lord_Howe"),
        ("2026-04-04T23:30", "America/Santiago"),
        ("2011-12-30", "Pacific/Apia"),
    ],
)
def test_changes_of_clocks_keep_both_bounds_equal_in_both(text: str, zone: str) -> None:
    date = PartialDateTime(text, zone)
    assert date.earliest is not None and date.latest is not None and date.earliest < date.latest
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT partial_earliest(%s), partial_latest(%s)", [date.stored, date.stored]
        )
        assert cursor.fetchone() == (date.earliest, date.latest)
