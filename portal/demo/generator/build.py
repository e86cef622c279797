"""The whole demo, put together."""

import hashlib
from datetime import date

from portal.demo.generator import records as r
from portal.demo.generator.devices import Cupboard
from portal.demo.generator.diaries import diaries
from portal.demo.generator.illness import fall_ill
from portal.demo.generator.participation import Maker, participation
from portal.demo.generator.people import Person, enroll
from portal.demo.generator.safety import adverse_events
from portal.demo.generator.setup import SiteSetup, set_up
from portal.demo.generator.times import Times
from portal.demo.generator.treatment import exposures, history_and_medications, lab_results
from portal.demo.generator.visits import visits
from portal.demo.generator.vitals import vital_signs


def generate(as_of: date, seed: int = 1) -> r.Demo:
    """Return the demo as it stands at 00:00 UTC of `as_of`; equal arguments, equal rows."""
    times = Times(as_of, seed)
    demo = r.Demo(times)
    setup = set_up(times)
    _add(demo, setup.rows)
    for site in setup.sites:
        cupboard = Cupboard(times, site)
        for person in enroll(times, site.trial.design, site.design, site.site):
            if person.screened_at < times.cutoff:
                _add(demo, _patient(person, site, cupboard))
        _add(demo, list(cupboard.devices))
    return demo


def digest(demo: r.Demo) -> str:
    """Return the SHA-256 of every row in its order."""
    made = hashlib.sha256()
    for rows in demo.rows.values():
        for row in rows:
            made.update(repr(row).encode())
    return made.hexdigest()


def _patient(person: Person, site: SiteSetup, cupboard: Cupboard) -> list[r.Row]:
    make = Maker(person, site)
    illnesses = fall_ill(person)
    rows = participation(make)
    cuff = cupboard.lend(make)
    if cuff is not None:
        rows.append(cuff)
    found, kept = visits(make, illnesses)
    rows += found
    rows += vital_signs(make, kept, illnesses, cuff, cupboard.ward)
    rows += diaries(make)
    rows += lab_results(make, kept)
    rows += exposures(make, kept)
    rows += history_and_medications(make, illnesses)
    rows += adverse_events(make, illnesses)
    return rows


def _add(demo: r.Demo, rows: list[r.Row]) -> None:
    for row in rows:
        demo.rows.setdefault(type(row), []).append(row)
