"""Fill an empty portal with the demo."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial

from django.db import connection

from portal.core.errors import RuleBroken
from portal.core.history import Source, acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.demo.generator import generate
from portal.demo.generator.design import PHASE_3, SPONSORS
from portal.demo.writing.cast import write_accounts, write_roles
from portal.demo.writing.data import (
    write_codings,
    write_diaries,
    write_readings,
    write_treatment,
    write_visits,
)
from portal.demo.writing.findings import write_findings
from portal.demo.writing.monitoring import write_monitoring
from portal.demo.writing.notices import write_notices
from portal.demo.writing.people import Clinical, write_people
from portal.demo.writing.safety import write_events, write_protected
from portal.demo.writing.setup import activate_sites, write_set_up
from trials.models import Trial
from trials.services.access import sync_access

_LOCK = 0x5AFE_DE30
Progress = Callable[[str, int, int], None]


class HoldsTrials(RuleBroken):
    """The portal holds trials that are not the demo's: the demo goes only into an empty portal."""

    code = "portal_not_empty"


def is_made() -> bool:
    """Whether the demo is there already."""
    return Trial.objects.filter(number=PHASE_3.number, sponsor__name=SPONSORS[0]).exists()


def make_demo(*, as_of: date, seed: int, password: str, at: datetime, progress: Progress) -> int:
    """Write the whole demo, or nothing; return how many rows the generator made.

    Nothing is written and 0 returned where it is there already. `progress` is told each step's
    name, its place and how many there are.
    Locks: an advisory lock, so that two starts do not make it twice.
    Raises: HoldsTrials.
    """
    reason = f"Demonstration data as of {as_of}, seed {seed}"
    with acting(by=SYSTEM_ACCOUNT, at=at, reason=reason, source=Source.COMMAND):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if is_made():
            return 0
        if Trial.objects.exists():
            raise HoldsTrials()
        return _write(as_of, seed, password, at, progress)


def _write(as_of: date, seed: int, password: str, at: datetime, progress: Progress) -> int:
    progress("generating", 0, 1)
    demo = generate(as_of, seed)
    cast = write_accounts(demo, password)
    clinical = Clinical(demo)
    steps: list[tuple[str, Callable[[], object]]] = [
        ("trials and sites", partial(write_set_up, demo)),
        ("roles", partial(write_roles, demo, cast)),
        ("activation", partial(activate_sites, demo)),
        ("patients", partial(write_people, demo, cast, clinical)),
        ("visits", partial(write_visits, demo, cast, clinical)),
        ("diaries", partial(write_diaries, demo, clinical)),
        ("vital signs", partial(write_readings, demo, clinical)),
        ("laboratory and treatment", partial(write_treatment, demo, cast, clinical)),
        ("adverse events", partial(write_events, demo, cast, clinical)),
        ("codings", partial(write_codings, demo, clinical)),
        ("protected facts", partial(write_protected, demo, cast, clinical)),
        ("findings", partial(write_findings, demo)),
        ("access", partial(sync_access, at=at)),
        ("ladders and notices", partial(write_notices, demo, cast, at)),
        ("wards", partial(write_monitoring, cast, at)),
    ]
    for place, (name, step) in enumerate(steps, 1):
        progress(name, place, len(steps))
        step()
    return len(demo)
