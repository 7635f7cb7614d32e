import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.inference.windows import iterate_windows


@given(length=st.integers(0, 40), size=st.integers(1, 12), context=st.integers(0, 15))
def test_cores_joined_are_the_whole_and_every_item_has_its_context(length, size, context):
    joined = []
    for window in iterate_windows(range(length), size=size, context=context):
        core = window.items[window.core]
        assert 1 <= len(core) <= size
        assert window.items[0] == max(0, core[0] - context)
        assert window.items[-1] == min(length - 1, core[-1] + context)
        joined += core
    assert joined == list(range(length))


def test_an_endless_sequence_is_read_no_further_than_the_window_and_its_context():
    num_read = 0

    def count():
        nonlocal num_read
        for item in itertools.count():
            num_read += 1
            yield item

    windows = iterate_windows(count(), size=8, context=2)
    for number in range(1, 50):
        assert len(next(windows).items) <= 8 + 2 * 2
        assert num_read <= number * 8 + 2


@pytest.mark.parametrize(("size", "context"), [(0, 0), (1, -1)])
def test_impossible_windows_are_refused(size, context):
    with pytest.raises(ValueError, match="size >= 1"):
        next(iterate_windows(range(3), size=size, context=context))
