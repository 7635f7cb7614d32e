"""Takes in: exact times, upright pictures, true colours, and one line about everything that is broken."""

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import (
    EXACT_COLOURS,
    decode_with_ffmpeg,
    make_clip,
    make_clip_at,
    probe_times,
    run_ffmpeg,
    set_display_matrix,
)

from perfkit.errors import MediaError
from perfkit.video import Take, digest_take, iterate_frames, open_take


def read_all(take: Take) -> tuple[list[Fraction], np.ndarray]:
    frames = list(iterate_frames(take))
    assert [index for index, _, _ in frames] == list(range(len(frames)))
    return [pts * take.info.time_base for _, pts, _ in frames], np.stack([image for _, _, image in frames])


def one_line(error: pytest.ExceptionInfo[MediaError], path: Path) -> str:
    message = str(error.value)
    assert "\n" not in message and message.startswith(str(path)) and ";" in message
    return message


def test_ntsc_rate_is_exact_and_the_times_are_ffprobes(tmp_path):
    path = make_clip(tmp_path / "ntsc.mp4")
    take = open_take(path)
    times, images = read_all(take)
    assert times == probe_times(path)
    assert take.info.rate_fps_from_content == take.info.rate_fps_from_header == Fraction(30000, 1001)
    assert take.info.num_frames_from_content == take.info.num_frames_from_header == len(images) == 30


def test_variable_rate_survives(tmp_path):
    stamps = [33 + 7 * n * n for n in range(12)]
    path = make_clip_at(tmp_path / "vfr.mkv", stamps, time_base=Fraction(1, 1000))
    take = open_take(path)
    times, _ = read_all(take)
    assert times == probe_times(path) == [Fraction(stamp, 1000) for stamp in stamps]
    assert take.info.rate_fps_from_content == Fraction(11 * 1000, stamps[-1] - stamps[0])


@pytest.mark.parametrize("name", ["a.gif", "a.webm", "a.mkv", "a.mov"])
def test_other_containers_give_the_same_count(tmp_path, name):
    path = make_clip(tmp_path / name, source="testsrc2=size=64x48:rate=25", frames=9)
    times, images = read_all(open_take(path))
    assert images.shape == (9, 48, 64, 3)
    assert times == probe_times(path)


@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("first", [-1, 1])
@pytest.mark.parametrize("second", [-1, 1])
def test_every_rotation_and_mirror_comes_out_upright(tmp_path, is_turned, first, second):
    """A white corner must land where the matrix sends it: (x', y') = (a x + c y, b x + d y)."""
    a, b, c, d = (0, first, second, 0) if is_turned else (first, 0, 0, second)
    path = make_clip(tmp_path / "a.mp4", source="color=black:size=64x48,drawbox=w=16:h=16:color=white:t=fill", frames=2)
    set_display_matrix(path, a, b, c, d)
    take = open_take(path)
    _, images = read_all(take)
    x, y = -a - c, -b - d
    height, width = images.shape[1:3]
    assert (width, height) == take.info.size_wh == ((64, 48) if a else (48, 64))
    corner = images[0][4 if y < 0 else height - 5, 4 if x < 0 else width - 5]
    opposite = images[0][height - 5 if y < 0 else 4, width - 5 if x < 0 else 4]
    assert corner.min() > 240 and opposite.max() < 15
    assert take.info.orientation.is_mirrored == (a * d - b * c < 0)


def test_ffmpeg_turns_a_rotated_take_the_same_way(tmp_path):
    path = make_clip(tmp_path / "a.mp4", "-pix_fmt", "yuv444p", frames=2)
    set_display_matrix(path, 0, 1, -1, 0)
    raw = run_ffmpeg("-i", str(path), *EXACT_COLOURS, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    truth = np.frombuffer(raw, np.uint8).reshape(-1, 64, 48, 3)
    _, images = read_all(open_take(path))
    assert open_take(path).info.orientation.rotation_deg == 90
    assert np.abs(images.astype(int) - truth).mean() < 3


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv420p10le", "yuv444p"])
@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
def test_colours_come_back_whatever_the_range_and_matrix(tmp_path, pixels, matrix):
    color_range = "full" if pixels == "yuvj420p" else "limited"
    path = make_clip(
        tmp_path / "a.mp4",
        "-vf", f"format=gbrp,scale=out_color_matrix={matrix}:out_range={color_range},format={pixels}",
        "-colorspace", matrix, "-color_range", "pc" if color_range == "full" else "tv", "-crf", "4",
        source="color=0xC83C1E:size=64x48:rate=25", frames=2,
    )  # fmt: skip
    _, images = read_all(open_take(path))
    assert np.abs(images.astype(int) - np.array([200, 60, 30])).max() <= 4


def test_full_range_without_j_in_the_format_is_full_range(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.color_range = 2
        frame = av.VideoFrame(64, 48, "yuv420p")
        for plane, value in zip(frame.planes, (255, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        for pts in range(3):
            frame.pts = pts
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    take = open_take(path)
    assert take.info.color.is_full_range
    _, images = read_all(take)
    assert images.min() > 250
    grey = np.full((1, 1, 3), 235)
    assert np.abs(images.astype(int) - grey).max() > 10


def test_pixels_that_are_not_square_are_stretched_to_the_displayed_size(tmp_path):
    take = open_take(make_clip(tmp_path / "a.mp4", "-vf", "setsar=4/3", frames=3))
    _, images = read_all(take)
    assert take.info.size_wh == (85, 48)
    assert images.shape[1:3] == (48, 85)


def test_sound_is_noted_and_silence_too(tmp_path):
    silent = make_clip(tmp_path / "silent.mp4", frames=3)
    loud = tmp_path / "loud.mp4"
    run_ffmpeg("-i", str(silent), "-f", "lavfi", "-i", "sine=sample_rate=44100", "-shortest", "-c:a", "aac", str(loud))
    assert open_take(silent).info.audio is None
    audio = open_take(loud).info.audio
    assert audio is not None and (audio.codec, audio.sample_rate_hz, audio.num_channels) == ("aac", 44100, 1)


def test_the_first_track_that_decodes_is_read(tmp_path):
    good = make_clip(tmp_path / "good.mp4", frames=5)
    path = tmp_path / "two.mkv"
    with av.open(str(good)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        broken, copy = target.add_stream_from_template(stream), target.add_stream_from_template(stream)
        for packet in list(source.demux(stream)):
            if packet.size:
                garbage = av.Packet(b"\xff" * 100)
                garbage.pts, garbage.dts, garbage.time_base = packet.pts, packet.dts, packet.time_base
                garbage.stream, packet.stream = broken, copy
                target.mux([garbage, packet])
    take = open_take(path)
    assert take.info.stream_index == 1
    assert len(list(iterate_frames(take))) == 5


def test_a_repeated_time_stamp_is_left_out_and_noted(tmp_path):
    path = make_clip_at(tmp_path / "a.mkv", [0, 1, 1, 2], time_base=Fraction(1, 25))
    take = open_take(path)
    times, _ = read_all(take)
    assert times == [Fraction(0), Fraction(1, 25), Fraction(2, 25)]
    assert take.info.num_frames_from_content == 3
    assert len(take.info.notes) == 1 and "time stamp" in take.info.notes[0]


def test_the_digest_is_that_of_the_bytes(tmp_path):
    path = make_clip(tmp_path / "a.mp4", frames=3)
    assert digest_take(open_take(path)) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_missing_folder_empty_and_text_are_refused_in_one_line(tmp_path):
    empty, text = tmp_path / "empty.mp4", tmp_path / "text.mp4"
    empty.touch()
    text.write_text("this is no video" * 50)
    for path, word in [(tmp_path / "no.mp4", "no such file"), (tmp_path, "folder"), (empty, "empty"), (text, "opened")]:
        with pytest.raises(MediaError) as error:
            open_take(path)
        assert word in one_line(error, path)


def test_sound_alone_is_refused_in_one_line(tmp_path):
    path = tmp_path / "a.mp4"
    run_ffmpeg("-f", "lavfi", "-i", "sine=duration=0.2", "-c:a", "aac", str(path))
    with pytest.raises(MediaError) as error:
        open_take(path)
    assert "only sound (aac, 44100 Hz)" in one_line(error, path)


@pytest.mark.parametrize("options", [(), ("-movflags", "+faststart")])
def test_a_file_cut_short_is_refused_in_one_line(tmp_path, options):
    path = make_clip(tmp_path / "a.mp4", *options, source="mandelbrot=size=128x96:rate=30", frames=60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with pytest.raises(MediaError) as error:
        list(iterate_frames(open_take(path)))
    assert "cut short" in one_line(error, path)


def test_a_matroska_file_that_ends_early_is_noted(tmp_path):
    """Nothing in such a file counts its frames; only the header's duration tells."""
    path = make_clip(tmp_path / "a.mkv", source="mandelbrot=size=128x96:rate=30", frames=60)
    assert open_take(path).info.notes == ()
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    notes = open_take(path).info.notes
    assert len(notes) == 1 and "2.00 s" in notes[0] and "cut short" in notes[0]


def test_a_broken_bitstream_is_refused_with_the_frame(tmp_path):
    path = make_clip(tmp_path / "a.mp4", "-g", "10", source="mandelbrot=size=128x96:rate=30", frames=60)
    content = bytearray(path.read_bytes())
    middle = content.index(b"mdat") + len(content) // 2
    content[middle : middle + 1500] = bytes(1500)
    path.write_bytes(content)
    frames = iterate_frames(open_take(path))
    good = []
    with pytest.raises(MediaError) as error:
        good.extend(index for index, _, _ in frames)
    assert 5 < len(good) < 55
    assert f"broken at frame {len(good)} of 60" in one_line(error, path)


def test_ten_bit_footage_looks_as_ffmpeg_shows_it(tmp_path):
    path = make_clip(
        tmp_path / "a.mp4", "-pix_fmt", "yuv420p10le", source="gradients=size=64x48:rate=25:speed=0.1", frames=4
    )
    _, images = read_all(open_take(path))
    assert np.abs(images.astype(int) - decode_with_ffmpeg(path, "rgb24")).mean() < 3


@pytest.mark.timeout(60)
def test_a_take_may_be_left_half_way(tmp_path):
    """FFmpeg's threads used to wait for the interpreter's lock to log while PyAV held it to wait for them."""
    path = make_clip(tmp_path / "a.mp4", source="mandelbrot=size=320x240:rate=30", frames=40)
    take = open_take(path)
    for _ in range(10):
        next(iterate_frames(take))
    assert av.logging.get_level() is None


REFUSED = {"corrupted.mp4": "frame 28", "invalid-bitstream.webm": "no frame", "sample_audio_only.mp4": "only sound"}


def test_real_takes_open_or_are_refused_as_they_should(takes_dir):
    refused = {}
    for path in sorted((takes_dir / "odd").iterdir()):
        try:
            take = open_take(path)
            if path.name in REFUSED:
                list(iterate_frames(take))
            first = next(iterate_frames(take))
            assert first[2].shape[1::-1] == take.info.size_wh
        except MediaError as error:
            refused[path.name] = str(error)
    assert refused.keys() == REFUSED.keys()
    assert all(word in refused[name] for name, word in REFUSED.items())
