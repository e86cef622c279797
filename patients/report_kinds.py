"""The kind `risk_rule_dry_run`: a risk rule tried on the whole history of a large trial."""

import orjson
from django.utils.translation import gettext_lazy as _

from patients.models import RiskRuleDryRun, RiskRuleVersion
from patients.services import dry_runs
from patients.vocabulary import DryRunState
from portal.access.permissions import Permission
from portal.access.scoping import visible
from portal.api.fields import StrictSerializer, StrictUUIDField
from portal.core import clock
from portal.core.errors import NotFound
from portal.documents.kinds import ReportKind, offer
from portal.documents.models import Report
from portal.documents.services.running import LeaseLost
from portal.documents.vocabulary import OPEN
from portal.documents.work import Canceled, Stopping, Work


class DryRunSerializer(StrictSerializer):
    """Which version is tried."""

    version = StrictUUIDField(help_text="The id of a version of a risk rule.")


def try_rule(work: Work) -> None:
    """Walk over the trial's patients; cancel the dry run with the report, and fail it likewise."""
    run = _run_of(work)
    work.step("walking")
    try:
        done = dry_runs.continue_dry_run(
            run=run, progress=work.advance, by=work.user, at=clock.now()
        )
    except (Stopping, LeaseLost):
        raise  # somebody begins anew
    except Canceled:
        dry_runs.cancel_dry_run(run=run, by=work.user, at=clock.now(), reason="report canceled")
        dry_runs.give_up_dry_run(run=run, by=work.user, at=clock.now(), reason="report canceled")
        raise
    except Exception:
        dry_runs.give_up_dry_run(run=run, by=work.user, at=clock.now(), reason="could not be done")
        raise
    with work.writing("json", "application/json") as output:
        output.write(_told(done))


def _run_of(work: Work) -> RiskRuleDryRun:
    """Return the dry run of this report. Raises: NotFound, RunningAlready."""
    asked = work.parameters["version"]
    version = visible(RiskRuleVersion.objects.all(), work.user, Permission.RISK_RULE_CHANGE).filter(
        pk=asked
    )
    found = version.first()
    if found is None:
        raise NotFound()
    earlier = Report.objects.filter(
        kind=work.report.kind,
        parameters__version=str(asked),
        state__in=OPEN,
        created_at__lt=work.report.created_at,
    )
    if earlier.exists():
        raise dry_runs.RunningAlready()
    begun = found.dry_runs.filter(state=DryRunState.RUNNING).first()
    return begun or dry_runs.start_dry_run(version=found, by=work.user, at=clock.now())


def _told(run: RiskRuleDryRun) -> bytes:
    names = ("state", "patients_total", "patients_done", "observations", "breaches", "alerts")
    told = {name: getattr(run, name) for name in names}
    rate = run.alerts_per_patient_day
    told["alerts_per_patient_day"] = None if rate is None else float(rate)
    told["is_too_loud"] = dry_runs.is_too_loud(run)
    return orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n"


offer(
    ReportKind(
        code=dry_runs.REPORT_KIND,
        title=_("Risk rule tried on history"),
        permission=Permission.RISK_RULE_CHANGE,
        form=DryRunSerializer,
        make=try_rule,
        steps={"walking": _("walking over the patients")},
    )
)
