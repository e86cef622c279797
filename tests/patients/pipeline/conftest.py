import pytest

from tests.patients.pipeline.uploads import Ward, make_ward


@pytest.fixture
def ward(db: None) -> Ward:
    return make_ward()
