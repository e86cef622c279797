"""A patient's standing follows from facts."""

import pytest

from patients.rules.derived import Facts, standing_of
from patients.vocabulary import Participation as P

IN = P.RANDOMIZED


@pytest.mark.parametrize(
    ("facts", "standing"),
    [
        (Facts(), ("screening", "not_started", "alive")),
        (Facts(ended=P.SCREEN_FAILED), ("screen_failed", "not_started", "alive")),
        (Facts(entered=P.ENROLLED), ("enrolled", "not_started", "alive")),
        (Facts(entered=IN, is_exposed=True), ("randomized", "on", "alive")),
        (
            Facts(entered=IN, is_exposed=True, is_interrupted=True),
            ("randomized", "interrupted", "alive"),
        ),
        (
            Facts(entered=IN, is_exposed=True, has_completed_treatment=True),
            ("in_follow_up", "completed", "alive"),
        ),
        (
            Facts(entered=IN, ended=P.COMPLETED, is_exposed=True),
            ("completed", "completed", "alive"),
        ),
        (
            Facts(entered=IN, ended=P.DISCONTINUED, is_exposed=True),
            ("discontinued", "stopped", "alive"),
        ),
        (Facts(entered=IN, ended=P.DISCONTINUED), ("discontinued", "not_started", "alive")),
        (
            Facts(entered=IN, ended=P.LOST_TO_FOLLOW_UP, is_exposed=True),
            ("lost_to_follow_up", "stopped", "unknown"),
        ),
        (
            Facts(entered=IN, ended=P.LOST_TO_FOLLOW_UP, is_exposed=True, is_dead=True),
            ("lost_to_follow_up", "stopped", "dead"),
        ),
        (Facts(entered=IN, is_exposed=True, is_dead=True), ("randomized", "stopped", "dead")),
    ],
)
def test_each_row_of_the_tables(facts: Facts, standing: tuple[str, str, str]) -> None:
    found = standing_of(facts)
    assert (found.participation, found.treatment, found.vital_status) == standing
