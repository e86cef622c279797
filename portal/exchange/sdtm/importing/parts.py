"""The parts of an import: which one takes the rows of a domain, and in which order domains come."""

from collections.abc import Callable

from portal.exchange.sdtm.importing.coding import Codings
from portal.exchange.sdtm.importing.context import Line, Study
from portal.exchange.sdtm.importing.design import Design
from portal.exchange.sdtm.importing.events import AdverseEvents
from portal.exchange.sdtm.importing.measurements import VitalSigns
from portal.exchange.sdtm.importing.relations import Qualifiers, Relations
from portal.exchange.sdtm.importing.results import LabResults, Questionnaires
from portal.exchange.sdtm.importing.subjects import Dispositions, PatientTables, Subjects
from portal.exchange.sdtm.importing.treatment import (
    Exposures,
    Histories,
    Medications,
    SubjectElements,
)
from portal.exchange.sdtm.importing.visits import Visits
from portal.exchange.sdtm.reading.dataset import Dataset

# People first, then what happened to them in the order in which one part needs another.
ORDER = ("DM", "SV", "EX", "SE", "DS", "MH", "CM", "VS", "LB", "QS", "AE")


def handlers_of(
    study: Study, design: Design, tables: PatientTables
) -> tuple[dict[str, Callable[[Line], None]], list[Callable[[], None]]]:
    """Make the parts in the order in which their tables refer to each other (Writer)."""
    subjects = Subjects(study, design, tables)
    visits, codings = Visits(study, design), Codings(study)
    exposures, vitals = Exposures(study), VitalSigns(study)
    events = AdverseEvents(study, codings)
    handlers: dict[str, Callable[[Line], None]] = {
        "DM": subjects.take,
        "SV": visits.take,
        "EX": exposures.take,
        "SE": SubjectElements(study, design).take,
        "DS": Dispositions(study, design).take,
        "MH": Histories(study, codings).take,
        "CM": Medications(study, codings).take,
        "VS": vitals.take,
        "LB": LabResults(study).take,
        "QS": Questionnaires(study).take,
        "AE": events.take,
        "SUPP": Qualifiers(study, events).take,
        "RELREC": Relations(study).take,
    }
    return handlers, [visits.finish, vitals.finish]


def ordered(datasets: tuple[Dataset, ...]) -> list[Dataset]:
    """Domains in ORDER, then the others, then what refers to them all."""

    def place(dataset: Dataset) -> tuple[int, str]:
        if dataset.domain in ORDER:
            return ORDER.index(dataset.domain), dataset.name
        refers = dataset.domain.startswith(("SUPP", "REL"))
        return len(ORDER) + refers, dataset.name

    return sorted(datasets, key=place)
