"""Many phones and monitors at once, at a steady rate, some of them off-line for a while."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.core import clock
from portal.demo.generator.draws import Draws
from portal.demo.simulation.bodies import Writer, writer_of
from portal.demo.simulation.handsets import Handset
from portal.demo.simulation.phone import Line, Manners, Phone, Step

# A monitor measures every second, and its gateway sends what so many seconds brought.
GATEWAY_SECONDS = 5
# Of those sendings, at how many the connection is gone, and for how many sendings.
UNPLUGGED, UNPLUGGED_SENDINGS = 0.004, (4, 18)
OFFLINE, OFFLINE_UPLOADS = 0.03, (3, 12)
HANG_UPS = 0.02
SHOW_SECONDS = 0.5


@dataclass
class Tally:
    """What happened so far."""

    written: int = 0
    steps: Counter[Step] = field(default_factory=Counter)
    offline: int = 0

    def count(self, line: Line) -> None:
        """Count one line of history."""
        self.steps[line.step] += 1

    def text(self, waiting: int) -> str:
        """Return one line for a person."""
        return (
            f"{self.written} written, {self.steps[Step.OK]} accepted, "
            f"{self.steps[Step.INFO]} broken off or put off, {self.steps[Step.FAIL]} refused, "
            f"{waiting} waiting on {self.offline} phones off-line"
        )


class Crowd:
    """The phones of a simulation."""

    def __init__(
        self, handsets: Sequence[Handset], *, url: str, seed: int, begins: datetime, rate: float
    ) -> None:
        self.tally = Tally()
        self.phones: list[Phone] = []
        self._begins, self._pause = begins, len(handsets) / rate
        self._people: list[tuple[Phone, Writer, Draws]] = []
        self._monitors: list[tuple[Phone, Writer, Draws]] = []
        for handset in handsets:
            draws = Draws("phone", seed, handset.patient)
            writer = writer_of(
                seed,
                handset.patient,
                handset.time_zone,
                begins,
                is_monitored=handset.is_monitored,
            )
            self._people.append((self._phone(handset, url, draws), writer, draws))
            if handset.is_monitored:
                draws = Draws("gateway", seed, handset.patient)
                self._monitors.append((self._phone(handset, url, draws), writer, draws))

    def _phone(self, handset: Handset, url: str, draws: Draws) -> Phone:
        phone = Phone(
            patient=handset.patient,
            token=handset.token,
            url=url,
            draws=draws,
            manners=Manners(hang_ups=HANG_UPS),
            tell=self.tally.count,
        )
        self.phones.append(phone)
        return phone

    async def run(self, show: Callable[[str], None]) -> None:
        """Send until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for phone, writer, draws in self._people:
                    group.create_task(self._live(phone, writer, draws))
                for phone, writer, draws in self._monitors:
                    group.create_task(self._watch(phone, writer, draws))
                while True:
                    show(self.line())
                    await asyncio.sleep(SHOW_SECONDS)
        finally:
            for phone in self.phones:
                phone.close()

    def line(self) -> str:
        """Return how it stands."""
        return self.tally.text(sum(len(phone.outbox.pending) for phone in self.phones))

    async def _live(self, phone: Phone, writer: Writer, draws: Draws) -> None:
        """Write and send at a patient's own pace; what is written off-line goes in one call."""
        number = 0
        await asyncio.sleep(draws.uniform(0, self._pause))
        while not phone.is_shut_out:
            count = draws.integer(*OFFLINE_UPLOADS) if draws.chance(OFFLINE) else 1
            self.tally.offline += count > 1
            for _ in range(count):
                phone.outbox.put(writer.upload(number, clock.now()))
                self.tally.written += 1
                number += 1
                await asyncio.sleep(self._pause * draws.uniform(0.8, 1.2) * (count > 1))
            self.tally.offline -= count > 1
            await phone.send_all()
            await asyncio.sleep(self._pause * draws.uniform(0.8, 1.2))

    async def _watch(self, phone: Phone, writer: Writer, draws: Draws) -> None:
        """Measure each second and send every few; what an unplugged cable kept follows later."""
        number, missing = 0, 0
        span = timedelta(seconds=GATEWAY_SECONDS)
        await asyncio.sleep(draws.uniform(0, GATEWAY_SECONDS))
        first = clock.now()
        while not phone.is_shut_out:
            await asyncio.sleep(max(0.0, (first + span - clock.now()).total_seconds()))
            phone.outbox.put(writer.samples(number, first, GATEWAY_SECONDS))
            self.tally.written += 1
            number, first = number + 1, first + span
            if missing:
                missing -= 1
                self.tally.offline -= not missing
            elif draws.chance(UNPLUGGED):
                missing = draws.integer(*UNPLUGGED_SENDINGS)
                self.tally.offline += 1
            if not missing:
                await phone.send_all()
