"""EX, SE, CM, MH: what the patient took and had. Product and dose as given are protected."""

from uuid import UUID

from patients.models import (
    Exposure,
    ExposureGiven,
    MedicalHistory,
    Medication,
    SubjectElement,
)
from patients.vocabulary import YesNoUnknown
from portal.exchange.sdtm.importing.checks import check_interval
from portal.exchange.sdtm.importing.coding import Codings, medical_levels
from portal.exchange.sdtm.importing.context import ORIGIN, Line, Study
from portal.exchange.sdtm.importing.design import Design
from portal.exchange.sdtm.rules import events as rules
from portal.exchange.sdtm.values.vocabulary import YES_NO
from trials.models import Product


class Exposures:
    """Turn the rows of EX into exposures as collected, and what was given into protected rows."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.products: dict[str, UUID] = {}
        self.product_table = study.writer.table(Product, "name", trial_id=study.trial_id)
        self.table = study.writer.table(
            Exposure,
            *ORIGIN,
            "visit_id",
            "started",
            "ended",
            "route",
            "frequency",
            "dose_form",
            "reason_adjusted",
        )
        self.given = study.writer.table(
            ExposureGiven,
            *ORIGIN,
            "exposure_id",
            "product_id",
            "product_name",
            "dose",
            "dose_text",
            "dose_unit",
            "lot",
        )

    def take(self, line: Line) -> None:
        """Write one interval of exposure."""
        started, ended = line.date("EXSTDTC"), line.date("EXENDTC")
        key = self.table.add(
            *line.origin,
            line.visit(),
            started,
            ended,
            line.text("EXROUTE"),
            line.text("EXDOSFRQ"),
            line.text("EXDOSFRM"),
            line.text("EXADJ"),
        )
        self.given.add(
            *line.origin,
            key,
            self._product(line.text("EXTRT")),
            line.text("EXTRT"),
            line.decimal("EXDOSE", digits=18, places=6),
            line.text("EXDOSTXT"),
            line.text("EXDOSU"),
            line.text("EXLOT"),
        )
        self.study.remember(line, "exposure", key)
        check_interval(line, "exposure", key, started, ended)
        over = line.person.participation_ended if line.person else None
        if rules.is_exposure_open_after_end(line.text("EXENDTC"), over):
            line.report(
                "exposure_never_ended",
                resource="exposure",
                record_id=key,
                variable="EXENDTC",
                start=started,
                ended=over,
            )

    def _product(self, name: str) -> UUID | None:
        if name and name not in self.products:
            self.products[name] = self.product_table.add(name)
        return self.products.get(name)


class SubjectElements:
    """Turn the rows of SE into protected rows: an element names the arm."""

    def __init__(self, study: Study, design: Design) -> None:
        self.study, self.design = study, design
        self.table = study.writer.table(
            SubjectElement,
            *ORIGIN,
            "element_id",
            "element_code",
            "element_name",
            "epoch_id",
            "started",
            "ended",
        )

    def take(self, line: Line) -> None:
        """Write one element of one subject."""
        code, epoch = line.text("ETCD"), line.text("EPOCH")
        started, ended = line.date("SESTDTC"), line.date("SEENDTC")
        key = self.table.add(
            *line.origin,
            self.design.elements.get(code),
            code,
            line.text("ELEMENT"),
            self.design.epochs.get(epoch.upper()),
            started,
            ended,
        )
        check_interval(line, "subject_element", key, started, ended, is_protected=True)


class Medications:
    """Turn the rows of CM into medications."""

    def __init__(self, study: Study, codings: Codings) -> None:
        self.study, self.codings = study, codings
        self.table = study.writer.table(
            Medication,
            *ORIGIN,
            "visit_id",
            "name",
            "indication",
            "dose",
            "dose_unit",
            "frequency",
            "route",
            "started",
            "ended",
            "start_reference",
            "end_reference",
        )

    def take(self, line: Line) -> None:
        """Write one medication."""
        started, ended = line.date("CMSTDTC"), line.date("CMENDTC")
        key = self.table.add(
            *line.origin,
            line.visit(),
            line.text("CMTRT"),
            line.text("CMINDC"),
            line.text("CMDOSTXT") or line.text("CMDOSE"),
            line.text("CMDOSU"),
            line.text("CMDOSFRQ"),
            line.text("CMROUTE"),
            started,
            ended,
            line.text("CMSTRF") or line.text("CMSTRTPT"),
            line.text("CMENRF") or line.text("CMENRTPT"),
        )
        self.study.remember(line, "medication", key)
        check_interval(line, "medication", key, started, ended)
        levels = {"drug": ("CMDECOD", ""), "class": ("CMCLAS", "CMCLASCD")}
        record = ("medication", key, "name")
        self.codings.take(line, record, levels, variable="CMDECOD", dictionary="WHODrug")


class Histories:
    """Turn the rows of MH into medical history."""

    def __init__(self, study: Study, codings: Codings) -> None:
        self.study, self.codings = study, codings
        self.table = study.writer.table(
            MedicalHistory,
            *ORIGIN,
            "term",
            "category",
            "is_present",
            "severity",
            "started",
            "ended",
            "collected",
            "end_reference",
        )

    def take(self, line: Line) -> None:
        """Write one condition."""
        started, ended = line.date("MHSTDTC"), line.date("MHENDTC")
        key = self.table.add(
            *line.origin,
            line.text("MHTERM"),
            line.text("MHCAT"),
            line.coded("MHOCCUR", YES_NO, blank=YesNoUnknown.UNKNOWN.value),
            line.text("MHSEV"),
            started,
            ended,
            line.date("MHDTC"),
            line.text("MHENRF") or line.text("MHENRTPT"),
        )
        self.study.remember(line, "medical_history", key)
        check_interval(line, "medical_history", key, started, ended)
        record = ("medical_history", key, "term")
        levels = medical_levels("MH")
        self.codings.take(line, record, levels, variable="MHDECOD", dictionary="MedDRA")
