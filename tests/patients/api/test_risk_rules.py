"""Risk rules over the API: a draft, tried, confirmed by name, retired."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from patients.models import Alert, RiskRule
from portal.accounts.models import User
from portal.core import clock
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from tests.access.fixtures import undone, world
from tests.access.world import World, bearer, make_person
from trials.services.duty import put_on_duty
from trials.vocabulary import DutyLine

__all__ = ["undone", "world"]
pytestmark = pytest.mark.usefixtures("undone")
HOT = {
    "code": "temperature",
    "direction": "above",
    "set": 37,
    "reset": 36.5,
    "acknowledge_within_minutes": 30,
}


@pytest.fixture
def monitor(world: World) -> User:
    return make_person(world, "mo", "medical_monitor", world.trials[0])


def staff(world: World, by: User) -> None:
    """Fill every hour of the rosters of the trial's sites."""
    for number, site in enumerate(site for site in world.sites if site.trial == world.trials[0]):
        person = make_person(world, f"on duty {number}", "principal_investigator", site)
        for line in DutyLine:
            put_on_duty(site=site, person=person, phone="1", line=line, by=by, at=clock.now())


def send(method: str, path: str, person: User, body: Any = None, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    call = getattr(Client(), method)
    return call(
        f"/api/v1/{path}", body or {}, "application/json", headers={**bearer(person), **named}
    )


def write(world: World, person: User, *, language: str = "en", **changes: Any) -> Any:
    body = {
        "trial": str(world.trials[0].pk),
        "code": "hot",
        "name": "Hot",
        "kind": "threshold",
        "parameters": HOT,
        "change_reason": "asked for by the safety board",
        **changes,
    }
    return send("post", "risk-rules/", person, body, accept_language=language)


def version_of(rule: dict[str, Any], person: User) -> Any:
    assert "id" in rule, rule
    found = Client().get(f"/api/v1/risk-rule-versions/?rule={rule['id']}", headers=bearer(person))
    return found.json()["results"][0]


def act(version: dict[str, Any], action: str, person: User) -> Any:
    path = f"risk-rule-versions/{version['id']}/{action}/"
    reason = {"change_reason": "confirmed"}
    return send("post", path, person, reason, if_match=f'"{version["version"]}"')


def test_a_rule_is_tried_before_it_is_in_force(world: World, monitor: User) -> None:
    made = write(world, monitor)
    assert made.status_code == 201, made.content
    draft = version_of(made.json(), monitor)
    assert (draft["state"], draft["number"]) == ("draft", 1)
    early = act(draft, "activate", monitor)
    assert (early.status_code, early.json()["code"]) == (409, "rule_not_tried")
    tried = act(draft, "dry-run", monitor).json()
    assert tried["state"] == "dry_run", tried
    (run,) = tried["dry_runs"]
    assert (run["state"], run["patients_done"], run["alerts"]) == ("finished", 4, 4)
    assert (run["alerts_per_patient_day"], run["is_too_loud"]) == (1, False)
    empty = act(tried, "activate", monitor)
    assert (empty.status_code, empty.json()["code"]) == (409, "ladder_not_staffed")
    staff(world, monitor)
    active = act(tried, "activate", monitor).json()
    assert (active["state"], active["activated_by"]) == ("active", str(monitor.pk))
    assert act(active, "retire", monitor).json()["state"] == "retired"


@pytest.mark.parametrize("role", ["trial_manager", "principal_investigator", "cra"])
def test_only_a_physician_of_the_trial_puts_a_rule_into_force(
    world: World, monitor: User, role: str
) -> None:
    tried = act(version_of(write(world, monitor).json(), monitor), "dry-run", monitor).json()
    where = world.sites[0] if role == "principal_investigator" else world.trials[0]
    other = make_person(world, f"{role} at rules", role, where)
    assert act(tried, "activate", other).status_code == 403


def test_parameters_that_are_none_are_refused(world: World, monitor: User) -> None:
    answer = write(world, monitor, parameters={**HOT, "reset": 38})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_rule_parameters")
    assert write(world, monitor, trial=str(world.trials[1].pk)).status_code == 404


@pytest.mark.parametrize(
    ("changes", "pointer", "code", "english"),
    [
        ({"reset": 38}, "reset", "order", "The reset value lies on the good side of the set."),
        ({"set": "NaN"}, "set", "not_finite", "This is not a number that can be reached."),
        ({"set": "hot"}, "set", "invalid", "This is not a value of this kind."),
        ({"other": 1}, "other", "unknown_field", "A rule of this kind has no such parameter."),
        ({"direction": "up"}, "direction", "invalid_choice", "This is none of the choices."),
        ({"age_from": -1}, "age_from", "min_value", "A whole number of at least 0."),
        ({"age_from": 121}, "age_from", "max_value", "A whole number of at most 120."),
    ],
)
def test_each_wrong_parameter_is_told_at_its_place_in_the_readers_language(
    world: World, monitor: User, changes: dict[str, Any], pointer: str, code: str, english: str
) -> None:
    (told,) = write(world, monitor, parameters={**HOT, **changes}).json()["errors"]
    assert told == {"pointer": f"/parameters/{pointer}", "code": code, "detail": english}
    chinese = write(world, monitor, language="zh-Hans", parameters={**HOT, **changes}).json()
    (said,) = (part["detail"] for part in chinese["errors"])
    assert not any(letter.isascii() and letter.isalpha() for letter in said), said


def test_a_site_sees_how_many_judged_alerts_called_for_action(world: World) -> None:
    doctor = make_person(world, "ines", "principal_investigator", world.sites[0])
    now = clock.now()
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        for alert, needed in zip(world.alerts[:2], (True, False), strict=True):
            Alert.objects.filter(pk=alert.pk).update(
                state="closed", closed_at=now + timedelta(0), closed_by=doctor, assessment="seen",
                was_actionable=needed,
            )  # fmt: skip
    rule = RiskRule.objects.get(trial=world.trials[0], code="world")
    shown = Client().get(f"/api/v1/risk-rules/{rule.pk}/", headers=bearer(doctor)).json()
    assert (shown["judged"], shown["actionable"]) == (2, 1)
    (here,) = (
        Client()
        .get(f"/api/v1/risk-rules/{rule.pk}/sites/", headers=bearer(doctor))
        .json()["results"]
    )
    counted = (here["site"], here["alerts"], here["judged"], here["actionable"])
    assert counted == (str(world.sites[0].pk), 2, 2, 1)
    assert here["actionable_share"] == 0.5


def test_the_share_of_a_site_without_a_judgment_is_unknown(world: World, monitor: User) -> None:
    rule = world.risk_rules[0]
    shown = Client().get(f"/api/v1/risk-rules/{rule.pk}/sites/", headers=bearer(monitor)).json()
    assert [(one["alerts"], one["judged"]) for one in shown["results"]] == [(2, 0), (2, 0)]
    assert {one["actionable_share"] for one in shown["results"]} == {None}
