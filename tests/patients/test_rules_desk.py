"""Risk rules at the desk: from a proposal to a version in force, each step with its reason."""

from typing import Any

import pytest
from django.urls import reverse

from patients.models import Alert, RiskRule, RiskRuleDryRun, RiskRuleVersion
from portal.accounts.models import User
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.fixtures import undone, world
from tests.access.world import World, make_person
from tests.patients.api.test_risk_rules import monitor, staff
from tests.portal.desk.test_lists import address
from tests.portal.desk.world import signed_in

__all__ = ["monitor", "undone", "world"]
pytestmark = pytest.mark.usefixtures("undone")
WHY = {"change_reason": "asked for by the safety board"}


def start(world: World, person: User, proposal: str = "fever") -> RiskRuleVersion:
    body = {"trial": world.trials[0].pk, "name": "Fever", "code": "fever", "proposal": proposal}
    answer = signed_in(person).post(address(RiskRule, "add"), body | WHY)
    assert answer.status_code == 302, answer.content.decode()
    version = RiskRuleVersion.objects.get(rule__code="fever")
    assert answer["Location"] == address(RiskRuleVersion, "change", version.pk)
    return version


def form_of(person: User, version: RiskRuleVersion) -> dict[str, Any]:
    """Return what the page's form holds."""
    page = signed_in(person).get(address(RiskRuleVersion, "change", version.pk))
    form = page.context["adminform"].form
    held = {name: form.initial.get(name, field.initial) for name, field in form.fields.items()}
    said = {n: value for n, value in held.items() if value is not None and value is not False}
    return said | WHY


def save(person: User, version: RiskRuleVersion, **changes: Any) -> Any:
    body = form_of(person, version) | changes
    answer = signed_in(person).post(address(RiskRuleVersion, "change", version.pk), body)
    version.refresh_from_db()
    return answer


def refusals(answer: Any) -> str:
    assert answer.status_code == 200, answer
    return str(answer.context["errors"])


def test_a_rule_goes_from_a_proposal_into_force_and_out_of_it(world: World, monitor: User) -> None:
    version = start(world, monitor)
    assert save(monitor, version, parameter_set="37", parameter_reset="36.5").status_code == 302
    assert (version.parameters["set"], version.parameters["reset"]) == (37, 36.5)

    assert save(monitor, version, step="try").status_code == 302
    page = signed_in(monitor).get(address(RiskRuleVersion, "change", version.pk))
    assert "4 alerts · 4 breaches" in page.content.decode()
    assert "cannot" not in refusals(save(monitor, version, step="activate"))
    staff(world, monitor)
    assert save(monitor, version, step="activate").status_code == 302
    assert (version.state, version.activated_by) == ("active", monitor)
    assert save(monitor, version, step="retire").status_code == 302
    assert version.state == "retired"
    assert save(monitor, version, step="activate").status_code == 403


def test_a_refused_parameter_is_told_at_its_field(world: World, monitor: User) -> None:
    version = start(world, monitor)
    answer = save(monitor, version, parameter_reset="41")
    assert list(answer.context["adminform"].form.errors) == ["parameter_reset"]
    assert version.parameters["reset"] == 38.5


def test_a_changed_text_is_saved_before_a_step_is_taken(world: World, monitor: User) -> None:
    version = start(world, monitor)
    answer = save(monitor, version, parameter_set="41", step="try")
    assert "Save the changed text first" in refusals(answer)
    assert not RiskRuleDryRun.objects.exists()


@pytest.mark.parametrize(
    "proposal", ["weight-loss", "weight-jump", "safety-answer", "news2", "missing-diaries"]
)
def test_each_kind_of_rule_has_its_form(world: World, monitor: User, proposal: str) -> None:
    version = start(world, monitor, proposal)
    before = dict(version.parameters)
    assert save(monitor, version, parameter_acknowledge_within_minutes="45").status_code == 302
    assert version.parameters.items() >= (before | {"acknowledge_within_minutes": 45}).items()


def test_a_rule_for_any_age_says_so(world: World, monitor: User) -> None:
    version = start(world, monitor)
    body = form_of(monitor, version)
    assert body.pop("parameter_age_from") == 16
    signed_in(monitor).post(address(RiskRuleVersion, "change", version.pk), body)
    version.refresh_from_db()
    assert version.parameters["age_from"] is None


def test_another_version_begins_with_what_the_last_one_says(world: World, monitor: User) -> None:
    first = start(world, monitor)
    body = {"rule": first.rule_id, **WHY}
    signed_in(monitor).post(address(RiskRuleVersion, "add"), body)
    second = RiskRuleVersion.objects.get(rule=first.rule_id, number=2)
    assert (second.parameters, second.state) == (first.parameters, "draft")


def test_who_may_not_confirm_is_not_offered_to(world: World, monitor: User) -> None:
    version = start(world, monitor)
    save(monitor, version, step="try")
    manager = make_person(world, "max", "trial_manager", world.trials[0])
    page = signed_in(manager).get(address(RiskRuleVersion, "change", version.pk))
    steps = dict(page.context["adminform"].form.fields["step"].choices)
    assert set(steps) == {"", "try"}
    answer = save(manager, version, step="activate")
    assert (answer.status_code, version.state) == (200, "dry_run")


def test_a_doctor_reads_which_version_fired_an_alert_on_which_values(world: World) -> None:
    doctor = signed_in(make_person(world, "ines", "principal_investigator", world.sites[0]))
    alert = world.alerts[0]
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Alert.objects.filter(pk=alert.pk).update(facts={"judged": "39.2", "set": "39"})
    page = doctor.get(address(Alert, "change", alert.pk)).content.decode()
    assert "version 1" in page
    assert "39.2" in page
    version = address(RiskRuleVersion, "change", alert.rule_version_id)
    assert version in page
    assert doctor.get(version).status_code == 200
    assert doctor.post(version, {"step": "retire", **WHY}).status_code == 403


def test_the_rule_counts_the_judged_alerts_that_its_reader_may_see(world: World) -> None:
    doctor = make_person(world, "ines", "principal_investigator", world.sites[0])
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        Alert.objects.filter(trial=world.trials[0]).update(was_actionable=True)
    page = signed_in(doctor).get(reverse("admin:patients_riskrule_changelist"))
    (rule,) = page.context["cl"].result_list
    assert (rule.judged, rule.actionable) == (2, 2)
