"""Transparency that was written is read again, and a video without any is opaque."""

from fractions import Fraction

import numpy as np
import pytest

from perfkit.video import VideoWriter, iterate_frames, open_take


def write_ramp(path, num_channels):
    """Write three pictures whose alpha runs from left to right."""
    image = np.full((48, 64, num_channels), 200, np.uint8)
    if num_channels == 4:
        image[..., 3] = np.linspace(0, 255, 64).astype(np.uint8)
    with VideoWriter(path, time_base=Fraction(1, 24)) as writer:
        for index in range(3):
            writer.write(image, index)
    return image


def test_prores_gives_its_alpha_back(tmp_path):
    image = write_ramp(tmp_path / "out.mov", 4)
    frames = [frame for _, _, frame in iterate_frames(open_take(tmp_path / "out.mov"), with_alpha=True)]
    assert len(frames) == 3
    assert np.abs(frames[0][..., 3].astype(int) - image[..., 3]).max() <= 2


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_video_without_alpha_is_opaque(tmp_path, suffix):
    write_ramp(tmp_path / f"out{suffix}", 3)
    take = open_take(tmp_path / f"out{suffix}")
    for (_, _, rgba), (_, _, rgb) in zip(iterate_frames(take, with_alpha=True), iterate_frames(take), strict=True):
        assert (rgba[..., 3] == 255).all()
        assert np.array_equal(rgba[..., :3], rgb)
