"""Colour arithmetic against the standards' own figures and FFmpeg's zscale."""

import numpy as np
import pytest
from clips import run_ffmpeg

from perfkit.color import (
    chromaticities_of,
    hdr_from_srgb,
    light_from_code,
    light_from_srgb,
    nits_from_pq,
    pq_from_nits,
    rgb_from_rgb,
    sample_table,
    sdr_from_take,
    srgb_from_light,
)

GREYS = np.linspace(0, 1, 101)[:, None].repeat(3, axis=1)


def test_pq_is_st_2084s():
    """Code values in the tables of ITU-R BT.2408: 100, 203, 1,000 and 4,000 nits."""
    nits = np.array([0, 100, 203, 1000, 4000, 10000])
    assert np.abs(pq_from_nits(nits) - [0, 0.508, 0.581, 0.752, 0.903, 1]).max() < 0.001
    assert np.allclose(nits_from_pq(pq_from_nits(nits)), nits, rtol=1e-6, atol=1e-6)


def test_hlg_white_is_three_quarters():
    """ITU-R BT.2408: diffuse white is 75 % HLG, 203 nits on a display of 1,000."""
    assert hdr_from_srgb(np.ones(3), "hlg") == pytest.approx(0.75, abs=0.001)
    assert light_from_code(np.ones(3), "hlg") == pytest.approx(1000 / 203, rel=1e-3)


def test_the_matrix_is_bt_2087s():
    truth = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    assert np.abs(rgb_from_rgb("bt709", "bt2020") - truth).max() < 1e-4
    assert np.allclose(rgb_from_rgb("p3", "bt709") @ np.ones(3), 1)


def test_srgb_there_and_back():
    assert np.allclose(srgb_from_light(light_from_srgb(GREYS)), GREYS, atol=1e-6)


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_sdr_in_hdr_comes_back_as_it_was_below_the_knee(transfer):
    """From about 90 nits on, highlights make room; hue and order stay."""
    colours = np.random.default_rng(0).random((200, 3)) * 0.65
    back = sdr_from_take(hdr_from_srgb(colours, transfer), transfer=transfer, primaries="bt2020")
    assert np.abs(back - colours).max() < 0.004
    greys = sdr_from_take(GREYS, transfer=transfer, primaries="bt2020")[:, 0]
    assert (np.diff(greys) >= -1e-9).all() and greys[0] == 0 and greys[-1] == pytest.approx(1, abs=1e-3)


def test_diffuse_white_keeps_room_for_highlights():
    white = sdr_from_take(hdr_from_srgb(np.ones((1, 3)), "pq"), transfer="pq", primaries="bt2020")
    assert 0.85 < white.min() < 0.95


def test_colours_outside_srgb_lose_saturation_not_hue():
    green = sdr_from_take(np.array([[0.0, 1.0, 0.0]]), transfer="sdr", primaries="bt2020")[0]
    assert green[1] > 0.9 and green.min() >= 0 and green[1] - green[0] > 0.3 and green[1] - green[2] > 0.3


@pytest.mark.parametrize(("transfer", "tag"), [("pq", "smpte2084"), ("hlg", "arib-std-b67")])
def test_dark_and_middle_tones_are_those_of_zscale(tmp_path, transfer, tag):
    """FFmpeg's zscale makes light of the same code values; below the knee nothing else happens to it."""
    code = np.random.default_rng(1).random((16, 16, 3)) * (0.45 if transfer == "pq" else 0.4) / 2 + 0.1
    if transfer == "hlg":
        code = code[..., :1].repeat(3, axis=-1)  # zscale gives each colour the system gamma of its own, not of its luma
    raw = tmp_path / "chart.raw"
    raw.write_bytes((code * 65535).round().astype("<u2").transpose(2, 0, 1)[[1, 2, 0]].tobytes())
    filters = f"zscale=tin={tag}:pin=2020:min=gbr:rin=full:t=linear:p=709:npl=203,format=gbrpf32le"
    light = run_ffmpeg(
        "-f", "rawvideo", "-pix_fmt", "gbrp16le", "-s", "16x16", "-i", str(raw), "-vf", filters, "-f", "rawvideo", "-"
    )
    planes = np.frombuffer(light, "<f4").reshape(3, 16, 16)[[2, 0, 1]].transpose(1, 2, 0)
    inside = planes.min(axis=-1) > 0
    ours = sdr_from_take(code, transfer=transfer, primaries="bt2020")
    assert inside.mean() > 0.1
    assert np.abs(ours - srgb_from_light(planes))[inside].max() < 0.01


def test_a_table_is_in_the_order_of_a_cube_file():
    table = sample_table(3, transfer="sdr", primaries="bt709").reshape(3, 3, 3, 3)
    assert np.allclose(table[0, 0, :, 0], [0, 0.5, 1]) and np.allclose(table[:, 0, 0, 2], [0, 0.5, 1])


def test_chromaticities_end_with_the_white():
    assert chromaticities_of("bt2020")[-2:] == (0.3127, 0.329)
