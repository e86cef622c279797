"""What stands before the first patient."""

from collections.abc import Iterator
from datetime import time
from typing import Any

from portal.core.bulk import copy_in
from portal.demo.generator import records as r
from portal.demo.generator.times import instant
from trials.models import (
    Arm,
    DictionaryRelease,
    Epoch,
    Institution,
    Instrument,
    InstrumentSchedule,
    Product,
    ProtocolVersion,
    ReferenceSafetyInformation,
    Site,
    SiteApproval,
    Sponsor,
    Trial,
    TrialIdentifier,
    VisitPlan,
)
from trials.vocabulary import SiteStatus

Rows = Iterator[dict[str, Any]]


def base(row: r.Row) -> dict[str, Any]:
    """Return key and time of a row."""
    return {"id": row.id, "created_at": row.created_at}


def write_set_up(demo: r.Demo) -> None:
    """Write sponsors, trials and their plans; sites are planned until they are approved."""
    copy_in(Sponsor, ({**base(row), "name": row.name} for row in demo.of(r.Sponsor)))
    copy_in(Institution, _institutions(demo))
    copy_in(Trial, _trials(demo))
    copy_in(TrialIdentifier, _identifiers(demo))
    copy_in(ProtocolVersion, _versions(demo))
    copy_in(Epoch, _epochs(demo))
    copy_in(Arm, _arms(demo))
    copy_in(Product, _products(demo))
    copy_in(ReferenceSafetyInformation, _information(demo))
    copy_in(DictionaryRelease, _dictionaries(demo))
    copy_in(VisitPlan, _plans(demo))
    copy_in(Instrument, _instruments(demo))
    copy_in(InstrumentSchedule, _schedules(demo))
    copy_in(Site, _sites(demo))
    copy_in(SiteApproval, _approvals(demo))


def activate_sites(demo: r.Demo) -> None:
    """Activate the sites, whose approvals are recorded by now (ICH E6(R3) 4.3.5)."""
    for site in demo.of(r.Site):
        at = instant(site.activated_on, 9, site.time_zone)
        Site.objects.filter(pk=site.id).update(status=SiteStatus.ACTIVE, activated_at=at)


def _institutions(demo: r.Demo) -> Rows:
    for row in demo.of(r.Institution):
        yield {**base(row), "name": row.name, "country": row.country}


def _trials(demo: r.Demo) -> Rows:
    for row in demo.of(r.Trial):
        yield {
            **base(row),
            "sponsor_id": row.sponsor_id,
            "number": row.number,
            "title": row.title,
            "phase": row.phase,
            "status": row.status,
            "blinding": row.blinding,
            "safety_zone": row.safety_zone,
        }


def _identifiers(demo: r.Demo) -> Rows:
    times = demo.times
    for row in demo.of(r.Trial):
        for registry, value in row.registry_ids.items():
            key = times.key(row.created_at, "registry", row.number, registry)
            yield {**base(row), "id": key, "trial_id": row.id, "registry": registry, "value": value}


def _versions(demo: r.Demo) -> Rows:
    for row in demo.of(r.ProtocolVersion):
        yield {
            **base(row),
            "trial_id": row.trial_id,
            "number": row.number,
            "amendment_kind": row.amendment_kind,
            "effective_on": row.effective_on,
        }


def _planned(row: Any) -> dict[str, Any]:
    return {
        **base(row),
        "trial_id": row.trial_id,
        "protocol_version_id": row.protocol_version_id,
    }


def _epochs(demo: r.Demo) -> Rows:
    for row in demo.of(r.Epoch):
        yield {**_planned(row), "oid": row.oid, "name": row.name, "ordinal": row.position}


def _arms(demo: r.Demo) -> Rows:
    for ordinal, row in enumerate(demo.of(r.Arm), 1):
        yield {
            **_planned(row),
            "oid": f"A.{row.code}",
            "code": row.code,
            "name": row.name,
            "ordinal": ordinal,
        }


def _products(demo: r.Demo) -> Rows:
    for row in demo.of(r.Product):
        yield {
            **base(row),
            "trial_id": row.trial_id,
            "name": row.name,
            "is_investigational": row.kind != "placebo",
            "dose_form": "tablet",
        }


def _information(demo: r.Demo) -> Rows:
    trials = {product.id: product.trial_id for product in demo.of(r.Product)}
    for row in demo.of(r.ReferenceSafetyInformation):
        yield {
            **base(row),
            "trial_id": trials[row.product_id],
            "product_id": row.product_id,
            "document_version": row.version,
            "country": row.country,
            "from_on": row.effective_from,
            "expected_terms": list(row.expected_terms),
        }


def _dictionaries(demo: r.Demo) -> Rows:
    for row in demo.of(r.Trial):
        yield {
            **base(row),
            "id": demo.times.key(row.created_at, "dictionary", row.number),
            "trial_id": row.id,
            "dictionary": "Demonstration terms",
            "release": "1",
            "effective_on": row.created_at.date(),
        }


def _plans(demo: r.Demo) -> Rows:
    for row in demo.of(r.VisitPlan):
        yield {
            **_planned(row),
            "oid": row.oid,
            "visit_number": row.number,
            "name": row.name,
            "kind": row.kind,
            "anchor": row.anchor,
            # The screening visit is counted from consent, where its first day is day 1.
            "planned_day": 1 if row.anchor == "consent" else row.day,
            "window_before_days": 0 if row.anchor == "consent" else row.days_before,
            "window_after_days": row.days_after,
        }


def _instruments(demo: r.Demo) -> Rows:
    for row in demo.of(r.Instrument):
        yield {
            **base(row),
            "code": row.code,
            "instrument_version": row.version,
            "title": row.title,
            "definition": row.definition,
        }


def _schedules(demo: r.Demo) -> Rows:
    for row in demo.of(r.InstrumentSchedule):
        yield {
            **_planned(row),
            "oid": row.oid,
            "instrument_id": row.instrument_id,
            "opens_local": time.fromisoformat(row.opens_local),
            "closes_local": time.fromisoformat(row.closes_local),
            "every_days": row.every_days,
            "first_day": row.first_day,
            "last_day": row.last_day,
        }


def _sites(demo: r.Demo) -> Rows:
    for row in demo.of(r.Site):
        yield {
            **base(row),
            "trial_id": row.trial_id,
            "institution_id": row.institution_id,
            "code": row.code,
            "country": row.country,
            "time_zone": row.time_zone,
            "status": SiteStatus.PLANNED.value,
        }


def _approvals(demo: r.Demo) -> Rows:
    for row in demo.of(r.SiteApproval):
        yield {
            **base(row),
            "site_id": row.site_id,
            "protocol_version_id": row.protocol_version_id,
            "kind": row.kind,
            "approved_on": row.approved_on,
            "effective_on": row.effective_on,
            "expires_on": row.expires_on,
            "reference": row.reference,
        }
