"""The same trial twice, but for what would unblind: every protected table, as one arm or another.

Each table of the protected schema gets a row for each patient; a new table joins by itself, or
says that it cannot be filled. Ids are the same both times, so nothing else differs.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from django.apps import apps
from django.db import models, transaction
from django.db.models import Model

from patients.models import Allocation, Patient, SourceFile
from portal.access.unblinded import unblinded
from portal.accounts.models import User
from portal.core.append_only import AppendOnlyModel
from portal.core.history import acting
from portal.core.ids import SYSTEM_ACCOUNT
from portal.core.models import SCHEMA_OF
from tests.access.world import World
from trials.models import Arm, Product

# What no answer to a blinded person may contain, whatever is masked.
CANARY = "ZQX"
WRITTEN = datetime(2026, 2, 3, 8, tzinfo=UTC)
ARMS = ("ARM-ZQX7", "ARM-ZQX8 longer")
# What says where a row stands; the database or the world decides it, not the arm.
_PLACE = frozenset({"id", "version", "created_at", "patient", "trial", "site", "file"})


def protected_models() -> list[type[Model]]:
    """Return the models whose tables are in the protected schema."""
    labels = sorted(label for label, schema in SCHEMA_OF.items() if schema == "allocation")
    return [apps.get_model(label) for label in labels]


def arm_now() -> int:
    """Return the arm of this run."""
    with unblinded():
        first = Allocation.objects.order_by("patient__subject_number").first()
    assert first is not None
    return ARMS.index(first.planned_code)


@contextmanager
def allocated(world: World, arm: int) -> Iterator[None]:
    """Let every patient of the world be in one of the two arms, until the block ends."""
    with transaction.atomic():
        allocate(world.patients, arm)
        yield
        transaction.set_rollback(True)


def allocate(patients: Iterable[Patient], arm: int) -> None:
    """Put patients in one of the two arms; who was in an arm before is in the other now."""
    with acting(by=SYSTEM_ACCOUNT, reason="test"), unblinded():
        for number, patient in enumerate(patients):
            for model in protected_models():
                # Neighbors differ, so that an order by arm is not the order by anything else.
                _fill(model, patient, number, (arm + number) % 2)


def set_up(world: World) -> None:
    """Give each trial what rows about arms refer to: the same for both runs."""
    with acting(by=SYSTEM_ACCOUNT, reason="test"):
        for trial in world.trials:
            first = Arm.objects.filter(trial=trial).get()
            Arm.objects.create(
                trial=trial,
                protocol_version=first.protocol_version,
                oid="ARM.B",
                code="B",
                name="Arm B",
                ordinal=2,
            )
            for name in ("P1", "P2"):
                Product.objects.create(trial=trial, name=name)
            SourceFile.objects.create(
                trial=trial,
                name="dm.xpt",
                digest="0" * 64,
                folder_digest="0" * 64,
                dataset="DM",
                row_count=1,
            )


def _fill(model: Any, patient: Patient, number: int, arm: int) -> None:
    key = uuid5(NAMESPACE_OID, f"{model.__name__}-{patient.pk}")
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.name == "file":
            values["file"] = SourceFile.objects.get(trial=patient.trial_id)
        elif field.name == "patient":
            values["patient"] = patient
        elif field.name == "row_number":
            values["row_number"] = number
        elif field.name == "trial":
            values["trial_id"] = patient.trial_id
        elif field.name not in _PLACE and not field.generated:
            value = _value(field, patient, arm)
            if value is not None:
                values[field.name] = value
    kept = model._base_manager.filter(pk=key)
    if not kept.exists():
        model._base_manager.create(id=key, **values)
    elif not issubclass(model, AppendOnlyModel):
        kept.update(**values)


def _value(field: Any, patient: Patient, arm: int) -> Any:
    """Return a value of the field that tells the arm; None where it may stay empty."""
    if isinstance(field, models.ForeignKey):
        related = field.related_model._base_manager
        if field.related_model in (Arm, Product):
            return related.filter(trial=patient.trial_id).order_by("pk")[arm]
        if field.null:
            return None
        if field.related_model is User:
            return related.get(pk=SYSTEM_ACCOUNT)
        return related.filter(patient=patient).first()
    if field.choices:
        return field.choices[arm % len(field.choices)][0] if not field.null else None
    if isinstance(field, models.JSONField):
        return {"ARMCD": ARMS[arm]}
    if isinstance(field, models.CharField | models.TextField):
        return ARMS[arm][: field.max_length]
    if isinstance(field, models.DecimalField | models.IntegerField):
        return arm + 1
    if isinstance(field, models.DateTimeField) and not field.null:
        return WRITTEN
    return None


def key_of(model: type[Model]) -> Any:
    """Return the key of a protected row of the model, which allocated() made."""
    with unblinded():
        row = model._base_manager.order_by("pk").first()
    assert row is not None, f"allocated() makes no {model.__name__}"
    return row.pk
