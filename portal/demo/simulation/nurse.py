"""A nurse of the ward: closes rounds of observations, so that NEWS2 is scored (domain.md 7).

In the name of somebody who may record vital signs at the site, with a session of their own.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from patients.models import Patient
from portal.access.people import people_with
from portal.access.permissions import Permission
from portal.accounts.models import Session, SessionKind, User
from portal.accounts.services import tokens
from portal.accounts.services.sessions import Client, open_session
from portal.accounts.services.tokens import TokenType
from portal.core.history import acting
from portal.demo.generator.draws import Draws
from portal.demo.simulation.connection import Connection, ConnectionBroken
from portal.demo.simulation.handsets import Handset

# The first round comes when every bed has had one of the monitor's own.
FIRST_SECONDS, EVERY_SECONDS = 75.0, 300.0
CLOSED = 201
LIFETIME, LEAST_LEFT = timedelta(days=30), timedelta(days=2)
NAME = "simulated rounds"


class Nurse:
    """Goes from bed to bed, for ever."""

    def __init__(self, beds: Sequence[tuple[UUID, str]], *, url: str, seed: int) -> None:
        self.closed = 0
        self._beds = beds
        self._connection = Connection(url)
        self._draws = Draws("nurse", seed)

    async def walk(self) -> None:
        """Close a round of each patient, one after another."""
        wait = FIRST_SECONDS
        try:
            while self._beds:
                await asyncio.sleep(wait)
                for patient, token in self._beds:
                    await self._close(patient, token)
                    await asyncio.sleep(self._draws.uniform(1, 5))
                wait = EVERY_SECONDS * self._draws.uniform(0.8, 1.2)
        finally:
            self._connection.close()

    async def _close(self, patient: UUID, token: str) -> None:
        path = f"/api/v1/patients/{patient}/observation-sets/"
        try:
            reply = await self._connection.request("POST", path, token=token, body=b"{}")
        except ConnectionBroken:
            return  # the next round comes
        self.closed += reply.status == CLOSED


def beds_of(handsets: Sequence[Handset], at: datetime) -> list[tuple[UUID, str]]:
    """Return who lies in a ward, each with the token of somebody who may close rounds there."""
    monitored = [handset.patient for handset in handsets if handset.is_monitored]
    sites = dict(Patient.objects.filter(pk__in=monitored).values_list("pk", "site_id"))
    trials = dict(Patient.objects.filter(pk__in=monitored).values_list("site_id", "trial_id"))
    token = {site: _token(trial, site, at) for site, trial in trials.items()}
    return [(patient, token[site]) for patient, site in sites.items() if token[site]]


def _token(trial: UUID, site: UUID, at: datetime) -> str:
    """Return a token of a person of the site; empty where there is nobody."""
    people = people_with(Permission.VITAL_SIGN_RECORD, trial=trial, site=site, at=at)
    person = User.objects.filter(pk__in=people).order_by("username").first()
    if person is None:
        return ""
    kept = Session.objects.filter(
        user=person,
        device_id=NAME,
        revoked_at=None,
        expires_at__gt=at + LEAST_LEFT,
        session_version=person.session_version,
    )
    session = kept.order_by("-expires_at").first()
    if session is None:
        with acting(by=person, at=at, reason="simulation"):
            session = open_session(
                user=person,
                kind=SessionKind.WEB,
                client=Client(device_id=NAME),
                at=at,
                lifetime=LIFETIME,
            )
    return tokens.make(
        TokenType.ACCESS,
        user=person.pk,
        session=session.pk,
        issued_at=at,
        expires_at=session.expires_at,
    )
