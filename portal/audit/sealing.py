"""Seal what was committed, and tell the witnesses.

The database seals (`audit.seal_next`, one seal at a time whoever calls); witnesses are brought up
to what the database holds. A crash between the two leaves a seal that the next run publishes; a
crash before the commit leaves nothing. Writers are never waited for nor locked.
"""

import os
import time
from collections.abc import Iterator

import structlog
from django.db import connection

from portal.audit.chain import Head
from portal.audit.models import Seal
from portal.audit.selectors import links
from portal.audit.witness import FileWitness, WitnessDisagrees, witnesses

log = structlog.get_logger(__name__)

BATCH = 10_000


def seal() -> int:
    """Seal everything that is final now and publish it; return how many seals were made.

    Raises: WitnessDisagrees; an unreachable witness is logged and caught up with later.
    """
    made = sum(1 for _ in seal_committed())
    disagreeing: WitnessDisagrees | None = None
    for witness in witnesses():
        try:
            publish(witness)
        except OSError as error:
            log.error("witness_unreachable", witness=str(witness), error=type(error).__name__)
        except WitnessDisagrees as error:
            disagreeing = error  # the others are told first
    if disagreeing is not None:
        raise disagreeing
    return made


def seal_committed() -> Iterator[int]:
    """Make seals until nothing final is left; yield their numbers. One transaction each.

    An empty seal only remembers where the running transactions stand, so it ends the round.
    """
    while (number := seal_next()) is not None:
        yield number
        if not Seal.objects.filter(pk=number, row_count__gt=0).exists():
            return


def seal_next() -> int | None:
    """Make one seal and return its number; None when nothing is final or another seals."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit.seal_next()")
        row = cursor.fetchone()
    return row[0] if row else None


def seal_all(*, seconds: float) -> bool:
    """Seal until all that was written before the call is sealed; tell whether it came to be.

    Waits for transactions that were running, `seconds` at most.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT given FROM audit.table_facts('audit_auditentry', 0, 0)")
        row = cursor.fetchone()
    given = row[0] if row else 0
    deadline = time.monotonic() + seconds
    while True:
        seal()
        last = Seal.objects.order_by("-number").first()
        if given <= (last.upto_id if last else 0):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)


def publish(witness: FileWitness) -> int:
    """Append the seals that a witness does not have; return how many.

    Raises: WitnessDisagrees, OSError.
    """
    lock = witness.lock()
    try:
        last = witness.last()
        _check_same_chain(witness, last)
        count, batch = 0, []
        for link in links(after=last.number if last else 0):
            batch.append(link.head())
            count += 1
            if len(batch) == BATCH:
                witness.publish(batch)
                batch = []
        witness.publish(batch)
        return count
    finally:
        os.close(lock)


def _check_same_chain(witness: FileWitness, last: Head | None) -> None:
    if last is None:
        return
    ours = Seal.objects.filter(pk=last.number).first()
    if ours is None or bytes(ours.hash).hex() != last.hash:
        raise WitnessDisagrees(
            f"{witness} knows seal {last.number} as {last.hash[:16]}…, the database "
            f"{'does not have it' if ours is None else 'has another one'}: see verify_audit"
        )
