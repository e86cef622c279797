"""What keeps trial and site of a report true although no foreign key asks."""

import psycopg
import pytest

from tests.patients.intake.phones import Ward
from tests.plugins.servers import SERVERS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("order", ["DELETE FROM trials_trial", "DELETE FROM trials_site"])
def test_not_even_the_owner_deletes_a_trial_or_a_site(ward: Ward, order: str) -> None:
    url = SERVERS.postgres.url("portal_owner", SERVERS.database)
    with (
        psycopg.connect(url, autocommit=True) as owner,
        pytest.raises(psycopg.errors.RestrictViolation, match="never deleted"),
    ):
        owner.execute(order)  # type: ignore[call-overload]
