"""Colours from the file to the eye and back: matrices, ranges, wide gamuts, HDR, fields."""

import logging
from fractions import Fraction

import numpy as np
import pytest
from charts import make_chart, patches_of, write_chart
from clips import EXACT_COLOURS, SIZE_WH, decode_with_ffmpeg, make_clip, probe_stream, probe_times, run_ffmpeg

from perfkit.color import sdr_from_take
from perfkit.errors import MediaError
from perfkit.video import VideoWriter, iterate_frames, open_take

LOSSLESS = ("-c:v", "ffv1")
TAGS = {
    "bt601": ("-colorspace", "smpte170m"),
    "bt709": ("-colorspace", "bt709"),
    "bt2020": ("-colorspace", "bt2020nc", "-color_primaries", "bt2020"),
}
HDR = ("-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc")
TRANSFERS = {"pq": "smpte2084", "hlg": "arib-std-b67"}


def read(path, **options):
    return np.stack([image for _, _, image in iterate_frames(open_take(path), **options)])


def distance(images, chart):
    return np.abs(patches_of(images) - patches_of(chart))


def make_hdr(path, chart, transfer, *options):
    scale = "out_color_matrix=bt2020:out_range=tv,format=yuv444p10le"
    return write_chart(path, chart, scale, *(options or LOSSLESS), *HDR, TRANSFERS[transfer], "-color_range", "tv")


@pytest.mark.parametrize("color_range", ["tv", "pc"])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "yuv422p10le"])
def test_a_chart_is_read_within_a_level_whatever_its_matrix_and_range(tmp_path, pixels, matrix, color_range):
    chart = make_chart()
    scale = f"out_color_matrix={matrix}:out_range={color_range},format={pixels}"
    path = write_chart(tmp_path / "a.mkv", chart, scale, *LOSSLESS, *TAGS[matrix], "-color_range", color_range)
    color = open_take(path).info.color
    assert (color.matrix, color.is_full_range) == (matrix, color_range == "pc")
    assert distance(read(path), chart).mean() <= 1


@pytest.mark.parametrize(("size", "matrix"), [("720x576", "bt601"), ("640x480", "bt601"), ("1280x720", "bt709"),
                                              ("1080x1920", "bt709")])  # fmt: skip
def test_untagged_footage_is_read_by_its_size(tmp_path, size, matrix):
    path = make_clip(tmp_path / "a.mp4", source=f"color=red:size={size}:rate=25", frames=1)
    color = open_take(path).info.color
    assert (color.matrix, color.is_full_range, color.primaries, color.transfer) == (matrix, False, "bt709", "sdr")


@pytest.mark.parametrize(("name", "preset", "most"), [
    ("a.mp4", None, 1), ("a.mp4", "web", 1), ("a.webm", "web", 1), ("a.mov", "edit", 0.5), ("a.mov", None, 0.1),
    ("a.mkv", "archive", 0),
])  # fmt: skip
def test_a_chart_goes_round_within_a_level(tmp_path, name, preset, most):
    chart = make_chart()
    take = open_take(make_clip(tmp_path / "take.mp4", frames=3))
    with VideoWriter(tmp_path / name, time_base=take.info.time_base, preset=preset) as writer:
        for number in range(3):
            writer.write(chart, number * round(1 / take.info.time_base / 25))
    assert distance(read(tmp_path / name), chart).mean() <= most
    theirs = decode_with_ffmpeg(tmp_path / name, "rgb24")
    if name != "a.mov":
        assert np.abs(patches_of(theirs) - patches_of(chart)).mean() <= 1.2


def test_smaller_chroma_is_read_where_it_lies(tmp_path):
    """A hand calculation: the samples of 4:2:0 lie on the even columns, between the rows, and are interpolated."""
    path = make_clip(tmp_path / "a.mp4", frames=1)
    planes = np.frombuffer(run_ffmpeg("-i", str(path), "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"), np.uint8)
    width, height = SIZE_WH
    luma = planes[: width * height].reshape(height, width).astype(float)
    chroma = planes[width * height :].reshape(2, height // 2, width // 2).astype(float)
    rows, columns = np.arange(height) / 2 - 0.25, np.arange(width) / 2
    smooth = np.stack([_interpolate(_interpolate(plane, rows).T, columns).T for plane in chroma])
    y, cb, cr = (luma - 16) / 219, (smooth[0] - 128) / 224, (smooth[1] - 128) / 224
    red, blue = y + 1.402 * cr, y + 1.772 * cb
    truth = np.stack([red, (y - 0.299 * red - 0.114 * blue) / 0.587, blue], axis=-1).clip(0, 1) * 255
    assert np.abs(read(path)[0] - truth).mean() < 0.5


def _interpolate(plane, places):
    low = np.clip(np.floor(places).astype(int), 0, len(plane) - 1)
    high = np.minimum(low + 1, len(plane) - 1)
    share = np.clip(places - low, 0, 1)[:, None]
    return plane[low] * (1 - share) + plane[high] * share


def test_wide_colours_are_mapped_and_said(tmp_path):
    chart = make_chart()
    scale = "out_color_matrix=bt2020:out_range=tv,format=yuv444p10le"
    path = write_chart(tmp_path / "a.mkv", chart, scale, *LOSSLESS, *TAGS["bt2020"], "-color_range", "tv")
    info = open_take(path).info
    assert (info.color.matrix, info.color.primaries) == ("bt2020", "bt2020")
    assert len(info.notes) == 1 and "wide colours" in info.notes[0]
    truth = sdr_from_take(chart / 255, transfer="sdr", primaries="bt2020") * 255
    assert np.median(distance(read(path), truth)) <= 1 and distance(read(path), truth).mean() <= 1.5


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_hdr_is_mapped_as_the_standard_says_and_noted(tmp_path, transfer):
    chart = make_chart(top=65535)
    path = make_hdr(tmp_path / "a.mkv", chart, transfer)
    info = open_take(path).info
    assert (info.color.transfer, info.color.primaries, info.color.is_hdr) == (transfer, "bt2020", True)
    assert len(info.notes) == 1 and f"HDR ({transfer.upper()})" in info.notes[0]
    truth = sdr_from_take(chart / 65535, transfer=transfer, primaries="bt2020") * 255
    assert np.median(distance(read(path), truth)) <= 1 and distance(read(path), truth).mean() <= 2


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
@pytest.mark.parametrize("name", ["out.mp4", "out.mov"])
def test_hdr_that_is_kept_goes_round_with_its_tags(tmp_path, transfer, name):
    chart = make_chart(top=65535)
    take = open_take(make_hdr(tmp_path / "a.mkv", chart, transfer))
    kept = read(take.path, keeps_hdr=True)
    assert kept.dtype == np.uint16 and distance(kept, chart).mean() <= 65535 / 1023
    with VideoWriter(tmp_path / name, time_base=take.info.time_base, sound_from=take) as writer:
        for number, image in enumerate(kept):
            writer.write(image, 40 * number)
    assert writer.notes == [f"HDR ({transfer.upper()}) is passed: the pictures are BT.2020, 10 bits"]
    again = open_take(tmp_path / name)
    assert (again.info.color.transfer, again.info.color.primaries) == (transfer, "bt2020")
    assert distance(read(again.path, keeps_hdr=True), chart).mean() <= 65535 / 255
    stream = probe_stream(tmp_path / name)
    assert stream["color_space"] == "bt2020nc" and stream["color_primaries"] == "bt2020"
    assert stream["color_transfer"] == TRANSFERS[transfer]


@pytest.mark.parametrize(("name", "preset"), [("out.webm", None), ("out.mkv", None), ("folder", None)])
def test_formats_without_hdr_refuse_it(tmp_path, name, preset):
    take = open_take(make_hdr(tmp_path / "a.mkv", make_chart(top=65535), "pq"))
    writer = VideoWriter(tmp_path / name, time_base=take.info.time_base, sound_from=take, preset=preset)
    with pytest.raises(MediaError, match="no HDR"), writer:
        writer.write(next(iterate_frames(take, keeps_hdr=True))[2], 0)


def test_colours_that_cannot_be_read_are_refused(tmp_path):
    path = make_clip(tmp_path / "a.mp4", "-pix_fmt", "yuv444p", "-colorspace", "ycgco", frames=2)
    with pytest.raises(MediaError, match="YCgCo"):
        open_take(path)


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_fields_become_whole_pictures_as_ffmpegs_bwdif_makes_them(tmp_path, order):
    parity = order == "tff"
    fields = ("-vf", f"tinterlace=interleave_{'top' if parity else 'bottom'},fieldorder={order},setfield={order}")
    path = make_clip(
        tmp_path / "a.mp4", *fields, "-flags", "+ilme+ildct", "-x264opts", f"{order}=1", "-crf", "4",
        source="testsrc2=size=128x96:rate=50", frames=12,
    )  # fmt: skip
    info = open_take(path).info
    assert info.is_interlaced and any("deinterlaced" in note for note in info.notes)
    pictures = list(iterate_frames(open_take(path)))
    assert [pts * info.time_base for _, pts, _ in pictures] == probe_times(path)
    filters = ("-vf", "bwdif=mode=send_frame,format=yuv420p", *EXACT_COLOURS)
    raw = run_ffmpeg("-i", str(path), *filters, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    theirs = np.frombuffer(raw, np.uint8).reshape(-1, 96, 128, 3)
    ours = np.stack([image for _, _, image in pictures])
    luma = [0.299, 0.587, 0.114]
    distance_px = np.abs(ours @ luma - theirs @ luma).mean()
    as_stored = np.abs(decode_with_ffmpeg(path, "rgb24") @ luma - theirs @ luma).mean()
    assert distance_px < 1 and as_stored > 2 * distance_px


def test_progressive_footage_is_left_alone(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    take = open_take(make_clip(tmp_path / "a.mp4", frames=3))
    assert not take.info.is_interlaced and take.info.notes == ()
    assert len(list(iterate_frames(take))) == 3 and not caplog.records


@pytest.mark.parametrize(("ratio", "turn"), [("64/45", 0), ("16/11", 0), ("8/9", 0), ("4/3", 1)])
def test_anamorphic_footage_is_as_wide_as_ffmpeg_shows_it(tmp_path, ratio, turn):
    path = make_clip(tmp_path / "a.mp4", "-vf", f"setsar={ratio}", "-pix_fmt", "yuv444p", frames=2)
    if turn:
        turned = tmp_path / "turned.mp4"
        run_ffmpeg("-i", str(path), "-c", "copy", "-metadata:s:v", "rotate=90", str(turned))
        path = turned
    take = open_take(path)
    width, height = take.info.size_wh
    stored_wh = (height, width) if turn else (width, height)
    square = ("-vf", "scale={}:{}".format(*stored_wh), *EXACT_COLOURS)
    raw = run_ffmpeg("-noautorotate", "-i", str(path), *square, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    theirs = np.frombuffer(raw, np.uint8).reshape(-1, stored_wh[1], stored_wh[0], 3)[0]
    theirs = take.info.orientation.turn_upright(theirs)
    assert stored_wh == (round(SIZE_WH[0] * Fraction(ratio)), SIZE_WH[1])
    assert np.abs(read(path)[0].astype(int) - theirs).mean() < 4
