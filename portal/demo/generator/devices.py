"""Devices of a site: a monitor on its ward, and cuffs that go from hand to hand."""

from datetime import datetime, timedelta

from portal.demo.generator import records as r
from portal.demo.generator.participation import Maker
from portal.demo.generator.setup import SiteSetup
from portal.demo.generator.times import Times


class Cupboard:
    """The devices that a site has bought so far, and when each cuff is free again."""

    def __init__(self, times: Times, site: SiteSetup) -> None:
        self._times, self._site = times, site
        opened = times.days_ago(site.design.begin_days_ago[0] + 21)
        self._opened = opened
        self._free: list[tuple[datetime | None, r.Device]] = []
        self.ward = self._buy("bedside_monitor", "Example Monitor 3", 0)
        self.devices = [self.ward]

    def lend(self, make: Maker) -> r.DeviceAssignment | None:
        """Lend a cuff to about a third of the patients, from their first day to their last."""
        person = make.person
        if not person.is_treated or not person.draws.chance(0.35):
            return None
        starts, ends = person.at(1, 9.5), person.at(person.last_day, 17)
        until = None if make.is_over(ends) else ends
        base = make.base(starts, "holds")
        device = self._take(starts, until)
        return r.DeviceAssignment(**base, device_id=device.id, starts_at=starts, ends_at=until)

    def _take(self, starts: datetime, until: datetime | None) -> r.Device:
        for place, (free_from, device) in enumerate(self._free):
            if free_from is not None and free_from + timedelta(hours=12) <= starts:
                self._free[place] = (until, device)
                return device
        device = self._buy("blood_pressure_cuff", "Example Cuff M2", len(self._free) + 1)
        self.devices.append(device)
        self._free.append((until, device))
        return device

    def _buy(self, kind: str, model: str, number: int) -> r.Device:
        site = self._site.site
        return r.Device(
            id=self._times.key(self._opened, "device", site.code, number),
            created_at=self._opened,
            trial_id=site.trial_id,
            site_id=site.id,
            kind=kind,
            model=model,
            serial=f"{kind[:1].upper()}{site.code}-{number:03d}",
        )
