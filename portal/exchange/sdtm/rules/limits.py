"""Outside these a reading cannot be true of a living body: it is kept, flagged and not scored.

Units: the canonical unit of each code (UCUM).
Source: the portal's domain rules for vital signs.
"""

from collections.abc import Mapping
from decimal import Decimal

_Range = tuple[Decimal, Decimal]
_RATE: _Range = (Decimal(0), Decimal(350))

PHYSICAL_LIMITS: Mapping[str, _Range] = {
    "heart_rate": _RATE,
    "pulse_rate": _RATE,
    "systolic_bp": _RATE,
    "diastolic_bp": (Decimal(0), Decimal(250)),
    "respiratory_rate": (Decimal(0), Decimal(120)),
    "spo2": (Decimal(0), Decimal(100)),
    "temperature": (Decimal(20), Decimal(46)),
    "weight": (Decimal("0.2"), Decimal(700)),
    "height": (Decimal(20), Decimal(280)),
    "blood_glucose": (Decimal(0), Decimal(120)),
}
