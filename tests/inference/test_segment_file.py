import json

import numpy as np
import pytest

from perfkit.errors import MediaError
from perfkit.inference.segment_file import SegmentWriter, read_segment
from perfkit.manifest import digest_file


def write(folder, images, stem="0000000"):
    with SegmentWriter(folder, stem) as writer:
        for image in images:
            writer.write(image)
    return writer


@pytest.mark.parametrize("kind", ["noise", "still", "alternating extremes", "one row"])
def test_every_picture_comes_back_bit_for_bit(tmp_path, kind):
    rng = np.random.default_rng(0)
    images = {
        "noise": rng.integers(0, 256, (7, 9, 5, 4), np.uint8),
        "still": np.tile(rng.integers(0, 256, (1, 9, 5, 4), np.uint8), (7, 1, 1, 1)),
        "alternating extremes": np.stack([np.full((9, 5, 4), 255 * (index % 2), np.uint8) for index in range(7)]),
        "one row": rng.integers(0, 256, (7, 1, 5, 4), np.uint8),
    }[kind]
    writer = write(tmp_path, images)
    assert np.array_equal(np.stack(list(read_segment(writer.path))), images)


def test_a_segment_is_named_by_its_digest_and_nothing_else_lies_there(tmp_path):
    writer = write(tmp_path, np.zeros((2, 3, 4, 4), np.uint8), stem="a")
    assert [path.name for path in tmp_path.iterdir()] == [f"a-{writer.digest}.segment"]
    assert digest_file(writer.path) == writer.digest


def test_the_header_says_what_it_is(tmp_path):
    writer = write(tmp_path, np.zeros((2, 3, 4, 4), np.uint8))
    header = json.loads(writer.path.read_bytes().partition(b"\n")[0])
    assert header == {"format": "perfkit.segment", "version": 1, "shape": [3, 4, 4]}


def test_a_segment_left_half_way_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), SegmentWriter(tmp_path, "a") as writer:
        writer.write(np.zeros((3, 4, 4), np.uint8))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [] and writer.path is None


def test_a_folder_that_is_gone_is_said_in_one_line(tmp_path):
    with pytest.raises(MediaError, match="cannot be written") as caught, SegmentWriter(tmp_path / "no", "a"):
        pytest.fail("must not begin")
    assert "\n" not in str(caught.value)
