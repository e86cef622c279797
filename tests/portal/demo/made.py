"""The generated demo, made once for a day and a seed in a run of the tests."""

from datetime import date
from functools import lru_cache

from portal.demo.generator import generate
from portal.demo.generator import records as r

AS_OF = date(2025, 11, 21)
IN_APRIL = date(2025, 4, 22)
LEAP_DAY = date(2024, 2, 29)


@lru_cache(maxsize=4)
def made(as_of: date = AS_OF, seed: int = 1) -> r.Demo:
    """Return the demo of a day and a seed."""
    return generate(as_of, seed)
