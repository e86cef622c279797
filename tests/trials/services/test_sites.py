"""A site starts only after its approvals, whoever asks and by whatever path."""

from datetime import date, datetime

import pytest
from django.db import IntegrityError, transaction

from portal.accounts.models import User
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.world import World, make_world
from trials.models import ApprovalRequirement, PrincipalInvestigator, Site
from trials.rules import ApprovalsMissing, StepNotAllowed
from trials.services.delegations import (
    BackdatedWithoutReason,
    NotTheInvestigator,
    delegate_task,
)
from trials.services.sites import (
    appoint_principal_investigator,
    change_site_status,
    open_site,
    record_approval,
)
from trials.vocabulary import SiteStatus

pytestmark = pytest.mark.django_db


@pytest.fixture
def system() -> User:
    return User.objects.get(pk=SYSTEM_ACCOUNT)


@pytest.fixture
def at() -> datetime:
    return clock.now()


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def site(world: World, system: User, at: datetime) -> Site:
    with acting(by=SYSTEM_ACCOUNT):
        ApprovalRequirement.objects.create(kind="ethics")
        ApprovalRequirement.objects.create(kind="authority", country="FRA")
    return open_site(
        trial=world.trials[0],
        institution=world.sites[0].institution,
        code="NEW",
        time_zone="Europe/Paris",
        country="FRA",
        by=system,
        at=at,
    )


@pytest.mark.req("E6-11")
def test_site_is_activated_only_after_every_approval_its_country_needs(
    site: Site, system: User, at: datetime
) -> None:
    for kind in ("ethics", "authority"):
        with pytest.raises(ApprovalsMissing, match=kind):
            change_site_status(
                site=site, status=SiteStatus.ACTIVE, by=system, at=at, reason="start"
            )
        record_approval(
            site=site, kind=kind, approved_on=date(2026, 1, 1), reference="1", by=system, at=at
        )
    active = change_site_status(
        site=site, status=SiteStatus.ACTIVE, by=system, at=at, reason="start"
    )
    assert (active.status, active.activated_at) == ("active", at)


@pytest.mark.req("E6-11")
def test_database_refuses_a_site_without_its_approvals_by_any_path(site: Site) -> None:
    with (
        pytest.raises(IntegrityError, match="approval"),
        acting(by=SYSTEM_ACCOUNT, reason="by hand"),
    ):
        Site.objects.filter(pk=site.pk).update(status="active", activated_at=clock.now())


def test_site_moves_only_along_the_table(site: Site, system: User, at: datetime) -> None:
    with pytest.raises(StepNotAllowed):
        change_site_status(site=site, status=SiteStatus.ON_HOLD, by=system, at=at, reason="x")
    change_site_status(site=site, status=SiteStatus.CLOSED, by=system, at=at, reason="x")
    with pytest.raises(StepNotAllowed):
        change_site_status(site=site, status=SiteStatus.ACTIVE, by=system, at=at, reason="x")


def test_one_investigator_leads_a_site_at_a_time(site: Site, system: User, at: datetime) -> None:
    for person, day in (("first", date(2026, 1, 1)), ("second", date(2026, 3, 1))):
        with acting(by=SYSTEM_ACCOUNT):
            user = User.objects.create(username=person)
        appoint_principal_investigator(site=site, person=user, from_on=day, by=system, at=at)
    tenures = PrincipalInvestigator.objects.filter(site=site).order_by("from_on")
    assert [tenure.to_on for tenure in tenures] == [date(2026, 3, 1), None]
    with pytest.raises(IntegrityError), transaction.atomic(), acting(by=SYSTEM_ACCOUNT):
        PrincipalInvestigator.objects.create(site=site, person=user, from_on=date(2026, 2, 1))


def test_only_the_investigator_of_that_day_delegates_and_a_late_entry_needs_a_reason(
    site: Site, system: User, at: datetime
) -> None:
    with acting(by=SYSTEM_ACCOUNT):
        ines = User.objects.create(username="ines")
        omar = User.objects.create(username="omar")
    appoint_principal_investigator(
        site=site, person=ines, from_on=date(2026, 1, 1), by=system, at=at
    )
    asked = {
        "site": site,
        "delegate": omar,
        "task": "data_entry",
        "effective_from": at,
        "by": system,
        "at": at,
    }
    with pytest.raises(NotTheInvestigator):
        delegate_task(principal_investigator=omar, **asked)
    late = {**asked, "effective_from": datetime(2026, 2, 1, tzinfo=at.tzinfo)}
    with pytest.raises(BackdatedWithoutReason):
        delegate_task(principal_investigator=ines, **late)
    made = delegate_task(principal_investigator=ines, **late, reason="form came by post")
    assert made.recorded_at == at
