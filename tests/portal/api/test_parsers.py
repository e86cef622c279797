"""Guarded JSON: what a body may be is decided before any field sees it."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.api.errors import MalformedBody
from portal.api.parsers import MOST_DEPTH, loads


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"a": "\\u0000"}', "nul_character"),
        (b'{"\\u0000": 1}', "nul_character"),
        (b'["\\ud800"]', "lone_surrogate"),
        (b'["\\udc00\\ud800"]', "lone_surrogate"),
        (b'{"a": 1, "a": 1}', "duplicate_key"),
        (b'{"a": 1, "\\u0061": 2}', "duplicate_key"),
        (b'[{"b": {"a": 1, "a": 2}}]', "duplicate_key"),
        (b"NaN", "not_a_number"),
        (b"[-Infinity]", "not_a_number"),
        (b"1e400", "number_out_of_range"),
        (b"1e-400", "number_out_of_range"),
        (b"1e" + b"9" * 100, "number_out_of_range"),
        (b"9" * 41, "number_out_of_range"),
        (b"0." + b"1" * 1000, "number_out_of_range"),
        (b"9" * 100_000, "number_out_of_range"),
        (b"[" * 65 + b"]" * 65, "too_deep"),
        (b"[" * 2_000 + b"]" * 2_000, "too_deep"),
        (b'{"a":' * 100_000, "too_deep"),
        (b"[" + b"1," * 100_000 + b"1]", "too_many_members"),
        (b"\xff", "malformed_json"),
        (b"\xef\xbb\xbf{}", "malformed_json"),
        ('{"a": 1}'.encode("utf-16"), "malformed_json"),
        (b'"\xed\xa0\x80"', "malformed_json"),
        (b'{"a": "\x00"}', "malformed_json"),
        (b"{'a': 1}", "malformed_json"),
        (b'{"a": 1,}', "malformed_json"),
        (b"[1] 2", "malformed_json"),
        (b"01", "malformed_json"),
        (b'"open', "malformed_json"),
        (b"", "malformed_json"),
    ],
)
@pytest.mark.req("F75", "F76", "F77", "F78", "F79", "F81")
def test_what_could_be_understood_in_two_ways_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(MalformedBody) as caught:
        loads(body)
    assert caught.value.code == code
    assert caught.value.status_code in (400, 413)


def test_depth_within_strings_does_not_count() -> None:
    text = "[" * 1_000 + '"\\'
    assert loads(json.dumps([text]).encode()) == [text]
    assert loads(b"[" * MOST_DEPTH + b"]" * MOST_DEPTH)


@pytest.mark.req("F88")
def test_numbers_keep_every_digit() -> None:
    assert loads(b"[37.50, 0.1, 12, -0.0]") == [Decimal("37.50"), Decimal("0.1"), 12, Decimal(0)]
    assert str(loads(b"37.50")) == "37.50"


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert loads(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


def _has_nul(value: Any) -> bool:
    return "\\u0000" in json.dumps(value).replace("\\\\", "")


@given(_VALUES)
def test_whatever_else_is_json_is_read_as_it_is(value: Any) -> None:
    body = json.dumps(value).encode()
    if _has_nul(value):
        with pytest.raises(MalformedBody):
            loads(body)
    else:
        assert loads(body) == value


@given(st.binary(max_size=200))
def test_no_bytes_at_all_break_the_parser(body: bytes) -> None:
    try:
        loads(body)
    except MalformedBody as error:
        assert error.status_code in (400, 413)
