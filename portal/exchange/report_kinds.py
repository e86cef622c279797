"""The kind `sdtm_import`: a study as a ZIP file of datasets, all of it or nothing."""

from dataclasses import asdict
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import orjson
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from portal.access.permissions import Permission
from portal.api.fields import StrictBooleanField, StrictCharField, StrictSerializer, StrictUUIDField
from portal.core import clock
from portal.documents import store
from portal.documents.archives import Limits, unpack
from portal.documents.kinds import ReportKind, offer
from portal.documents.work import Work
from portal.exchange.sdtm.importing.study import Choices, import_study
from portal.exchange.sdtm.importing.summary import Summary
from portal.exchange.sdtm.reading.dataset import Dataset, Format, SourceUnreadable
from portal.exchange.sdtm.reading.folder import read_folder

_SUFFIXES = frozenset({".xml", *(f".{kind.value}" for kind in Format)})


class SdtmImportSerializer(StrictSerializer):
    """What is imported, and as what."""

    upload = StrictUUIDField(help_text="The id of a file sent to reports/uploads/.")
    trial_number = StrictCharField(max_length=100, required=False)
    sponsor_name = StrictCharField(max_length=200, required=False)
    time_zone = StrictCharField(max_length=64, required=False, help_text="IANA zone of its sites")
    is_unblinded = StrictBooleanField(default=False)
    is_dry_run = StrictBooleanField(default=False)
    is_evaluated = StrictBooleanField(
        default=False,
        help_text="Let the rules in force look at the readings; else an import alerts nobody.",
    )

    def validate_time_zone(self, name: str) -> str:
        """Refuse what is no zone. Raises: ValidationError."""
        if name not in available_timezones():
            raise serializers.ValidationError(
                _("This is no IANA time zone."), code="unknown_time_zone"
            )
        return name


def import_sdtm(work: Work) -> None:
    """Unpack the file within limits, import it in one transaction, and write what came of it."""
    assert work.upload is not None
    work.step("unpacking")
    with work.workspace() as folder:
        unpack(
            store.path_of_upload(work.upload.pk),
            folder,
            suffixes=_SUFFIXES,
            limits=Limits(settings.IMPORT_UNPACKED_MAX_BYTES),
            check=work.check,
        )
        try:
            summary = _imported(work, folder)
        except SourceUnreadable as refused:
            # Where it was unpacked is nobody's matter.
            refused.message = refused.message.replace(f"{folder}/", "").replace(str(folder), "ZIP")
            raise
    with work.writing("json", "application/json") as output:
        output.write(_told(summary))


def _imported(work: Work, folder: Path) -> Summary:
    work.step("reading")
    study = read_folder(folder)
    total = sum(dataset.row_count for dataset in study.datasets)
    done = 0

    def advance(_dataset: Dataset, rows: int) -> None:
        nonlocal done
        done += rows
        work.advance(done, total)

    chosen = work.parameters
    choices = Choices(
        trial_number=chosen.get("trial_number", ""),
        sponsor_name=chosen.get("sponsor_name", ""),
        zone=chosen.get("time_zone"),
        is_unblinded=chosen.get("is_unblinded", False),
        is_dry_run=chosen.get("is_dry_run", False),
        is_evaluated=chosen.get("is_evaluated", False),
    )
    work.step("writing")
    return import_study(study, choices, by=work.user, at=clock.now(), progress=advance)


def _told(summary: Summary) -> bytes:
    told: dict[str, Any] = {
        "trial": summary.trial_number,
        "is_unchanged": summary.is_unchanged,
        "is_dry_run": summary.is_dry_run,
        "rows": summary.rows,
        "datasets": {dataset.name: dataset.rows for dataset in summary.datasets},
        "records": summary.records,
        "findings": [
            {"rule": rule.id, "severity": rule.severity, "findings": findings, "occurrences": count}
            for rule, findings, count in summary.findings
        ],
        "provenance": summary.provenance,
        "ignored": list(summary.ignored),
        "evaluation": asdict(summary.evaluation) if summary.evaluation else None,
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n"


offer(
    ReportKind(
        code="sdtm_import",
        title=_("Import of a study"),
        permission=Permission.TRIAL_IMPORT,
        form=SdtmImportSerializer,
        make=import_sdtm,
        steps={
            "unpacking": _("unpacking the file"),
            "reading": _("reading the datasets"),
            "writing": _("writing the records"),
        },
    )
)
