"""Looking at a take: which track decodes, and what is known about it before its pictures are read.

In: paths. Out: `StreamInfo`. What cannot be read is refused in one line; what is odd is noted.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from perfkit.errors import MediaError
from perfkit.ffmpeg import (
    Disposition,
    FFmpegError,
    InputContainer,
    SideDataType,
    VideoFrame,
    VideoStream,
    open_input,
    picture_track,
    reason_of,
    side_data_of,
)
from perfkit.image import is_quarter_turn, orientation_from_matrix
from perfkit.take import AudioInfo, StreamInfo
from perfkit.timecode import parse_timecode
from perfkit.video_color import describe_mapping, name_unreadable_matrix, read_color

MAX_LATE_FRAMES = 32
"""Frames that are held to put a take in order."""


def probe(path: Path) -> StreamInfo:
    """Return what is known about the first picture track that decodes.

    Raises:
        MediaError: The file cannot be opened, holds no picture, is cut short, or no track of it decodes.
    """
    with open_input(path) as container:
        tracks = [stream.index for stream in container.streams.video if not _is_cover(stream)]
        if not tracks:
            audio = _audio_tracks(container)[:1]
            held = [f"only sound ({each.codec}, {each.sample_rate_hz} Hz)" for each in audio]
            raise MediaError(
                f"{path}: no picture track: the file holds {''.join(held) or 'neither picture nor sound'}; give a video"
            )
    reasons = []
    for stream_index in tracks:
        try:
            first = _decode_first(path, stream_index)
        except FFmpegError as error:
            reasons.append(f"track {stream_index}: {reason_of(error)}")
            continue
        if first is None:
            reasons.append(f"track {stream_index}: no picture in it")
            continue
        return _stream_info(path, stream_index, first)
    raise MediaError(f"{path}: no frame of it decodes ({'; '.join(reasons)}); export the take again")


def probe_sound(path: Path) -> tuple[AudioInfo, ...]:
    """Return the sound tracks of a file, which may hold nothing else.

    Raises:
        MediaError: The file cannot be opened.
    """
    with open_input(path) as container:
        return _audio_tracks(container)


@dataclass(frozen=True)
class _Packets:
    """What a file's packets tell: the pictures' pts as they come, how many there are, when the last of all ends."""

    pts: tuple[int, ...]
    num_pictures: int
    end_seconds: float


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _audio_tracks(container: InputContainer) -> tuple[AudioInfo, ...]:
    return tuple(
        AudioInfo(stream.index, context.codec.canonical_name, context.sample_rate, context.channels)
        for stream in container.streams.audio
        if (context := stream.codec_context) is not None
    )


def _decode_first(path: Path, stream_index: int) -> VideoFrame | None:
    with open_input(path) as container:
        return next(iter(container.decode(picture_track(container, stream_index))), None)


def _stream_info(path: Path, stream_index: int, first: VideoFrame) -> StreamInfo:
    matrix_name = name_unreadable_matrix(first)
    if matrix_name is not None:
        raise MediaError(f"{path}: its colours are stored as {matrix_name}, which cannot be read; export it as BT.709")
    with open_input(path) as container:
        stream = picture_track(container, stream_index)
        packets = _scan_packets(container, stream)
        num_claimed = stream.frames or None
        if num_claimed is not None and packets.num_pictures < num_claimed:
            raise MediaError(
                f"{path}: the file is cut short: {packets.num_pictures} of {num_claimed} frames are there; copy the "
                "take again"
            )
        matrix = _display_matrix(first)
        orientation = orientation_from_matrix(matrix)
        num_late = _count_late(packets.pts) if stream.codec_context.codec.intra_only else 0
        time_base = stream.time_base
        assert time_base is not None
        pts = sorted(set(packets.pts))
        span = (pts[-1] - pts[0]) * time_base if pts else Fraction(0)
        return StreamInfo(
            stream_index=stream_index,
            codec=stream.codec_context.name,
            size_wh=orientation.upright_wh(_square_pixel_wh(first, stream)),
            stored_wh=(first.width, first.height),
            orientation=orientation,
            time_base=time_base,
            rate_fps_from_header=stream.average_rate,
            rate_fps_from_content=Fraction(len(pts) - 1) / span if span else None,
            num_frames_from_header=num_claimed,
            num_frames_from_content=len(pts),
            color=read_color(first),
            audio_tracks=_audio_tracks(container),
            is_interlaced=first.interlaced_frame,
            num_late_frames=num_late,
            timecode=_read_timecode(container, stream),
            reel=_read_tag(container, stream, "reel_name"),
            notes=(*_notes_on_file(container, packets, num_late), *_notes_on_picture(first, matrix)),
        )


def _scan_packets(container: InputContainer, stream: VideoStream) -> _Packets:
    pts, num_pictures, end_seconds = [], 0, 0.0
    for packet in container.demux():
        if packet.size == 0 or packet.pts is None:
            continue
        end_seconds = max(end_seconds, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if packet.stream.index == stream.index:
            num_pictures += 1
            if not packet.is_discard:
                pts.append(packet.pts)
    return _Packets(tuple(pts), num_pictures, end_seconds)


def _count_late(pts: Sequence[int]) -> int:
    """Return by how many places the latest picture comes after its place in the order of the stamps."""
    order = sorted(range(len(pts)), key=pts.__getitem__)
    return max((came - place for place, came in enumerate(order)), default=0)


def _read_tag(container: InputContainer, stream: VideoStream, name: str) -> str | None:
    """Return a tag of the picture track, of another track (a timecode's own, say) or of the file."""
    places = [stream.metadata, *(other.metadata for other in container.streams), container.metadata]
    for tags in places:
        for key, value in tags.items():
            if key.lower() == name and value.strip():
                return value.strip()
    return None


def _read_timecode(container: InputContainer, stream: VideoStream) -> str | None:
    text = _read_tag(container, stream, "timecode")
    timecode = None if text is None else parse_timecode(text)
    return None if timecode is None else str(timecode)


def _notes_on_file(container: InputContainer, packets: _Packets, num_late: int) -> list[str]:
    notes = []
    num_repeated = len(packets.pts) - len(set(packets.pts))
    if num_repeated:
        notes.append(f"{num_repeated} frames repeat another's time stamp and are left out")
    if num_late:
        what = "put in order" if num_late <= MAX_LATE_FRAMES else "those too late are left out"
        notes.append(f"the frames are not stored in the order of their time stamps; {what}")
    claimed_seconds = (container.duration or 0) / 1e6
    if "matroska" in container.format.name and packets.end_seconds < 0.95 * claimed_seconds - 0.2:
        notes.append(
            f"the header says {claimed_seconds:.2f} s and the file ends at {packets.end_seconds:.2f} s: it may be cut "
            "short"
        )
    return notes


def _notes_on_picture(first: VideoFrame, matrix: Sequence[float]) -> list[str]:
    notes = [] if is_quarter_turn(matrix) else ["the display matrix is no quarter turn; the nearest one is used"]
    if first.interlaced_frame:
        notes.append("interlaced; deinterlaced with bwdif, one picture a frame")
    mapping = describe_mapping(read_color(first))
    return [*notes, mapping] if mapping is not None else notes


def _display_matrix(frame: VideoFrame) -> tuple[float, ...]:
    side_data = side_data_of(frame, SideDataType.DISPLAYMATRIX)
    if side_data is None:
        return (1, 0, 0, 0, 1, 0, 0, 0, 1)
    return tuple(value / 65536 for value in struct.unpack("9i", side_data))


def _square_pixel_wh(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(1)
    return (max(1, round(frame.width * aspect)), frame.height)
