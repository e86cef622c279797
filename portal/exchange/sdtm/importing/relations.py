"""RELREC and SUPP--: records that point to others must find them."""

from uuid import UUID

from events.models import RelatedRecord
from portal.exchange.sdtm.importing.context import ORIGIN, Line, Study
from portal.exchange.sdtm.importing.events import AdverseEvents

_EMERGENT = "AETRTEM"


class Relations:
    """Turn the rows of RELREC into related records."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.table = study.writer.table(
            RelatedRecord,
            *ORIGIN,
            "relation",
            "dataset",
            "id_variable",
            "id_value",
            "record_type",
            "record_id",
        )

    def take(self, line: Line) -> None:
        """Write one end of a relation, with the record that it means."""
        found = find(self.study, line)
        resource, key = found or ("", None)
        self.table.add(
            *line.origin,
            line.text("RELID"),
            line.text("RDOMAIN"),
            line.text("IDVAR"),
            line.text("IDVARVAL"),
            resource,
            key,
        )


class Qualifiers:
    """Check the rows of SUPP--: they stay source records, attached to what they qualify."""

    def __init__(self, study: Study, events: AdverseEvents) -> None:
        self.study, self.events = study, events

    def take(self, line: Line) -> None:
        """Check that what is qualified exists, and the flag that the portal computes itself."""
        find(self.study, line)
        if line.text("QNAM") == _EMERGENT:
            self.events.check_flag(line.usubjid, line.text("IDVARVAL"), line.text("QVAL"))


def find(study: Study, line: Line) -> tuple[str, UUID] | None:
    """Return the record that RDOMAIN, IDVAR and IDVARVAL name; report one that is missing.

    Only sequence numbers are looked up, and only in domains that became records.
    """
    domain, variable, value = line.text("RDOMAIN"), line.text("IDVAR"), line.text("IDVARVAL")
    known = study.records.get(domain)
    if known is None or variable != f"{domain}SEQ":
        return None
    found = known.get((line.usubjid, value))
    if found is None:
        line.report(
            "related_record_missing",
            variable="IDVARVAL",
            domain=domain,
            value=f"{variable} {value}",
        )
    return found
