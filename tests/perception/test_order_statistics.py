"""The quick order statistics give NumPy's numbers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maxsight_core.perception.order_statistics import median, quantile_of_sorted, weighted_median

NUMBERS = arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6))


@given(NUMBERS)
def test_the_median_is_numpys(values):
    assert median(values) == np.median(values)


@given(arrays(np.float64, st.tuples(st.integers(1, 40), st.just(2)), elements=st.floats(-1e3, 1e3)), st.floats(0, 1))
def test_a_quantile_of_sorted_rows_is_numpys(rows, share):
    wanted = np.quantile(rows, share, axis=0)
    np.testing.assert_allclose(quantile_of_sorted(np.sort(rows, axis=0), share), wanted, rtol=1e-9, atol=1e-9)


def test_the_weighted_median_counts_a_value_by_its_weight():
    assert weighted_median(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0])) == 2.0
    assert weighted_median(np.array([3.0, 1.0, 2.0]), np.array([5.0, 1.0, 1.0])) == 3.0
