"""Every type at its edges: exact on both warehouses, or its row is rejected with the reason. `make types` reports it.

What Google's evaluator makes of the same values is in test_bigquery_types.py, as it takes long to start.
"""

import pytest
from emulated_cloud import EmulatedCloud
from type_matrix import CASES, TypeMatrix, wrong

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def matrix(shop_url_of_module: str, tmp_path_factory: pytest.TempPathFactory) -> TypeMatrix:
    return TypeMatrix(shop_url_of_module, tmp_path_factory.mktemp("types"))


def test_every_edge_of_every_type_on_a_laptop(matrix: TypeMatrix) -> None:
    outcomes = matrix.on_laptop()

    assert wrong(outcomes) == []
    assert len(outcomes) == len(CASES)


def test_every_edge_of_every_type_in_the_emulated_cloud(matrix: TypeMatrix, cloud: EmulatedCloud) -> None:
    assert wrong(matrix.in_cloud(cloud)) == []
