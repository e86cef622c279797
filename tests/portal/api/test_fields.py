"""Strict fields: a value is taken as it is, or refused."""

from decimal import Decimal
from typing import Any

import pytest
from rest_framework import serializers

from portal.api import fields

_MAKE: dict[str, Any] = {
    "integer": fields.StrictIntegerField,
    "decimal": lambda: fields.StrictDecimalField(max_digits=12, decimal_places=4),
    "boolean": fields.StrictBooleanField,
    "text": fields.StrictCharField,
    "uuid": fields.StrictUUIDField,
    "instant": fields.InstantField,
    "date": fields.PartialDateTimeField,
}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", True),
        ("integer", Decimal("1.0")),
        ("integer", "12"),
        ("integer", "١٢"),
        ("decimal", True),
        ("decimal", "١٢"),
        ("decimal", "1e5"),
        ("decimal", "nan"),
        ("decimal", "Infinity"),
        ("decimal", " 1"),
        ("boolean", "true"),
        ("boolean", 1),
        ("boolean", "on"),
        ("text", 12),
        ("text", True),
        ("text", ["a"]),
        ("text", "a\x00"),
        ("uuid", 12),
        ("uuid", "{01890000-0000-7000-8000-00000000dead}"),
        ("uuid", "0189000000007000800000000000dead"),
        ("instant", "2026-11-20T08:00:00"),
        ("instant", "2026-11-20"),
        ("instant", "0001-01-01T00:00:00Z"),
        ("instant", "9999-12-31T23:59:59Z"),
        ("instant", "infinity"),
        ("instant", "2026-02-30T00:00:00Z"),
        ("instant", "2016-12-31T23:59:60Z"),
        ("instant", "2026-11-20T24:00:00Z"),
        ("instant", "٢٠٢٦-11-20T08:00:00Z"),
        ("instant", 1700000000),
        ("date", "2013-02-30"),
        ("date", "0001-01-01"),
        ("date", "9999-12-31"),
        ("date", "infinity"),
        ("date", "2013-05-17T24:00"),
        ("date", "٢٠١٣"),
        ("date", 2013),
    ],
)
@pytest.mark.req("F80", "F83")
def test_F080_nothing_is_coerced(kind: str, value: Any) -> None:
    with pytest.raises(serializers.ValidationError):
        _MAKE[kind]().run_validation(value)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("integer", 12, "12"),
        ("decimal", Decimal("37.50"), "37.50"),
        ("decimal", "37.55", "37.55"),
        ("decimal", 37, "37"),
        ("boolean", False, "False"),
        ("text", "‮abc\N{COMBINING ACUTE ACCENT}", "‮abc\N{COMBINING ACUTE ACCENT}"),
        ("instant", "2026-11-20T08:00:00+08:00", "2026-11-20 00:00:00+00:00"),
        ("date", "2013-05", "2013-05"),
        ("date", "2003---15", "2003---15"),
    ],
)
@pytest.mark.req("F88", "F89")
def test_F088_what_is_right_is_kept_as_given(kind: str, value: Any, text: str) -> None:
    assert str(_MAKE[kind]().run_validation(value)) == text
