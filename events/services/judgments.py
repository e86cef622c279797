"""Medical judgments: a physician's own, or transcribed from one and confirmed later."""

from dataclasses import dataclass
from datetime import datetime

from events import rules
from events.models import AdverseEvent, AdverseEventVersion, CausalityAssessment
from events.services.facts import Statement
from events.vocabulary import Assessor, Judgment
from patients.models import Patient
from portal.access.permissions import Permission
from portal.access.scoping import may
from portal.accounts.models import User
from portal.core.errors import FieldError, InvalidInput, NotPermitted, RuleBroken
from portal.core.history import acting


class PhysicianRequired(InvalidInput):
    """Causality is judged by a physician: name the one from whom it is transcribed."""

    code = "physician_required"


class NothingToConfirm(RuleBroken):
    """No judgment of this event waits to be confirmed."""

    code = "nothing_to_confirm"


@dataclass(frozen=True, slots=True)
class Judged:
    """Whose the judgments of a statement are."""

    judgment: Judgment
    judged_by: User | None


def judged(statement: Statement, *, patient: Patient, named: User | None, by: User) -> Judged:
    """Return whose judgments a statement by `by` holds, `named` being the physician it names.

    Source: domain.md 3. Raises: NotAPhysician, PhysicianRequired.
    """
    if named is not None and not is_physician(named, patient):
        part = FieldError("/judged_by", rules.NotAPhysician.code, "judged_by")
        raise rules.NotAPhysician(errors=(part,))
    if not rules.states_judgment(statement.facts):
        return Judged(Judgment.NONE, None)
    if named in (None, by) and is_physician(by, patient):
        return Judged(Judgment.BY_PHYSICIAN, by)
    if named is None and statement.facts.get("causality"):
        part = FieldError("/judged_by", PhysicianRequired.code, "judged_by")
        raise PhysicianRequired(errors=(part,))
    return Judged(Judgment.TRANSCRIBED, named)


def is_physician(person: User, patient: Patient) -> bool:
    """Return whether a person judges the safety of this patient."""
    return may(person, Permission.ADVERSE_EVENT_ASSESS, patient)


def confirm_judgment(
    *, adverse_event: AdverseEvent, by: User, at: datetime, reason: str = "confirmed"
) -> AdverseEvent:
    """Confirm what was transcribed from `by`, or from a physician whom nobody named.

    Locks: the event's row. Raises: NothingToConfirm, NotPermitted.
    """
    with acting(by=by, at=at, reason=reason):
        locked = AdverseEvent.objects.select_for_update().get(pk=adverse_event.pk)
        waiting = list(
            AdverseEventVersion.objects.filter(
                adverse_event=locked, judgment=Judgment.TRANSCRIBED
            ).order_by("ordinal")
        )
        if not waiting:
            raise NothingToConfirm()
        mine = [version for version in waiting if version.judged_by_id in (None, by.pk)]
        if not mine:
            raise NotPermitted("Only the physician from whom it was transcribed confirms it.")
        for version in mine:
            version.judgment, version.judged_by = Judgment.CONFIRMED, by
            version.judgment_confirmed_at = at
            version.save()
        for assessment in CausalityAssessment.objects.filter(
            adverse_event=locked,
            assessor=Assessor.INVESTIGATOR,
            assessed_by=by,
            judgment=Judgment.TRANSCRIBED,
        ):
            assessment.judgment = Judgment.CONFIRMED
            assessment.save()
        locked.judgment = Judgment.CONFIRMED if len(mine) == len(waiting) else locked.judgment
        locked.save()
    locked.refresh_from_db()
    return locked
