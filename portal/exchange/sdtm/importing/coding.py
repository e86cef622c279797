"""The dictionaries' terms beside what was written: MedDRA, and WHODrug for medications."""

from uuid import UUID

from patients.models import Coding
from portal.exchange.sdtm.importing.context import ORIGIN, Line, Study

_UNCODED = frozenset({"", "UNCODED"})


class Codings:
    """Write the dictionary's terms beside a verbatim, with the release that the define states."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.table = study.writer.table(
            Coding,
            *ORIGIN,
            "record_type",
            "record_id",
            "field",
            "verbatim",
            "dictionary",
            "release",
            "levels",
            method="imported",
            coded_by_id=study.import_user_id,
            coded_at=study.at,
        )

    def take(
        self,
        line: Line,
        record: tuple[str, UUID, str],
        levels: dict[str, tuple[str, str]],
        *,
        variable: str,
        dictionary: str,
    ) -> None:
        """Write one coding; `levels` name the term and code variables, lowest level first."""
        if line.text(variable).upper() in _UNCODED:
            return
        define = self.study.define
        stated = define.dictionary_of(line.dataset.name, variable) if define else None
        found = {
            level: {"term": line.text(term), "code": line.text(code)}
            for level, (term, code) in levels.items()
            if line.text(term) or line.text(code)
        }
        resource, key, field = record
        self.table.add(
            *line.origin,
            resource,
            key,
            field,
            line.text(f"{line.dataset.domain}TERM") or line.text(f"{line.dataset.domain}TRT"),
            stated[0] if stated else dictionary,
            (stated[1] if stated else "") or "unknown",
            found,
        )


def medical_levels(domain: str) -> dict[str, tuple[str, str]]:
    """Return the variables of MedDRA's levels in a domain, lowest first."""
    return {
        "LLT": (f"{domain}LLT", f"{domain}LLTCD"),
        "PT": (f"{domain}DECOD", f"{domain}PTCD"),
        "HLT": (f"{domain}HLT", f"{domain}HLTCD"),
        "HLGT": (f"{domain}HLGT", f"{domain}HLGTCD"),
        "SOC": (f"{domain}SOC", f"{domain}SOCCD"),
        "body_system": (f"{domain}BODSYS", f"{domain}BDSYCD"),
    }
