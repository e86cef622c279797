"""What the decoder says of parameters that fit no form, in words that can be translated."""

import re

from portal.core.errors import FieldError

_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`")
_LENGTH = re.compile(r"Expected `str` of length (?P<sign>[<>])= (?P<bound>\d+)")
_BOUND = re.compile(r"Expected `\w+(?: \| null)?` (?P<sign>[<>])= (?P<bound>-?\d+)")


def unreadable(said: str, body: str) -> FieldError:
    """Return the part of `body` that the decoder refused, and why."""
    at = _AT.search(said)
    pointer = f"{body}/{at['path']}" if at and at["path"] else body
    if found := _MISSING.match(said):
        return FieldError(f"{body}/{found['name']}", "required", "This parameter is needed.")
    if found := _UNKNOWN.match(said):
        return FieldError(
            f"{body}/{found['name']}", "unknown_field", "A rule of this kind has no such parameter."
        )
    if found := _LENGTH.match(said):
        return _wrong_length(pointer, found)
    if found := _BOUND.match(said):
        return _out_of_bounds(pointer, found)
    if said.startswith("Invalid enum value"):
        return FieldError(pointer, "invalid_choice", "This is none of the choices.")
    return FieldError(pointer, "invalid", "This is not a value of this kind.")


def _wrong_length(pointer: str, found: re.Match[str]) -> FieldError:
    values = {"count": found["bound"]}
    if found["sign"] == ">":
        return FieldError(pointer, "min_length", "At least %(count)s characters.", values)
    return FieldError(pointer, "max_length", "At most %(count)s characters.", values)


def _out_of_bounds(pointer: str, found: re.Match[str]) -> FieldError:
    values = {"bound": found["bound"]}
    if found["sign"] == ">":
        return FieldError(pointer, "min_value", "A whole number of at least %(bound)s.", values)
    return FieldError(pointer, "max_value", "A whole number of at most %(bound)s.", values)
