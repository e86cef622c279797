"""The desk's lists of alerts, scores, risk rules and monitoring plans."""

from patients import models
from portal.access.permissions import Permission as P
from portal.desk.base import ScopedModelAdmin
from portal.desk.derived import derived
from portal.desk.groups import Group
from portal.desk.site import site

for _model, _permission in (
    (models.Alert, P.ALERT_VIEW),
    (models.AlertBreach, P.ALERT_VIEW),
    (models.Score, P.SCORE_VIEW),
):
    site.register(_model, derived(_model, _permission, Group.SAFETY))
site.register(
    models.ConsentDecision, derived(models.ConsentDecision, P.EPRO_REPORT_VIEW, Group.MEASUREMENTS)
)
for _set_up in (
    models.RiskRule,
    models.RiskRuleVersion,
    models.RiskRuleDryRun,
    models.MonitoringPlan,
    models.RiskRuleCursor,
):
    site.register(_set_up, derived(_set_up, P.RISK_RULE_VIEW, Group.TRIALS, base=ScopedModelAdmin))
