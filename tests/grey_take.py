"""A grey take, its performance made by hand, an engine that needs no weights: a render in a fraction of a second."""

import time
from fractions import Fraction
from pathlib import Path

import numpy as np
from fake_engine import FakeEngine

from perfkit.capture.protocol import NUM_FACE_POINTS, NUM_HAND_POINTS
from perfkit.inference.settings import RenderSettings
from perfkit.pack import CharacterPack
from perfkit.rig import HUMAN_RIG, face_points
from perfkit.times import FrameTimes
from perfkit.track import PerformanceTrack, save_track
from perfkit.video import digest_take, open_take
from perfkit.video_write import VideoWriter
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, CONTOUR_INDICES, POSE_POINTS

NUM_FRAMES = 21
PTS = np.cumsum([3, 1, 2] * 7).astype(np.int64)
"""Variable rate, not from zero."""
TIME_BASE = Fraction(1, 60)
SETTINGS = RenderSettings(engine="fake", lora_scale=0, background="#f0b43c", steps=2)
ENGINE_PLACE = f"{__name__}:TableEngine"


class TableEngine(FakeEngine):
    """The fake engine as the table of engines makes it."""

    def __init__(self, request, runtime):
        super().__init__()


def write_take(path, *, sound_from=None):
    """Write a take of 40x24 px, grey, getting lighter."""
    with VideoWriter(path, time_base=TIME_BASE, sound_from=sound_from) as writer:
        for index, pts in enumerate(PTS):
            writer.write(np.full((24, 40, 3), 20 + 10 * index, np.uint8), int(pts))
    return path


def perform(times, take_digest):
    """Return a performer with the reference's proportions who opens the mouth little by little."""
    num_frames = len(times)
    blendshapes = np.zeros((num_frames, len(BLENDSHAPES)), np.float32)
    blendshapes[:, BLENDSHAPE_INDEX["jawOpen"]] = np.linspace(0, 0.8, num_frames)
    face = np.tile(np.float32([20, 12, 0]), (num_frames, NUM_FACE_POINTS, 1))
    face[:, CONTOUR_INDICES] += 6 * face_points(HUMAN_RIG, blendshapes)
    camera_from_head = np.tile(np.eye(4, dtype=np.float32), (num_frames, 1, 1))
    camera_from_head[:, 2, 3] = -40
    return PerformanceTrack(
        times=times,
        size_wh=(40, 24),
        face=face.astype(np.float32),
        blendshapes=blendshapes,
        camera_from_head=camera_from_head,
        body=np.full((num_frames, len(POSE_POINTS), 4), np.nan, np.float32),
        hands=np.full((num_frames, 2, NUM_HAND_POINTS, 3), np.nan, np.float32),
        face_confidence=np.ones(num_frames, np.float32),
        flags=np.zeros(num_frames, np.uint8),
        take_digest=take_digest,
        trackers={"face": "by hand"},
    )


def write_perf(path: Path, take: Path) -> Path:
    """Write the .perf of a take written by `write_take`."""
    save_track(perform(FrameTimes(PTS.copy(), TIME_BASE), digest_take(open_take(take))), path)
    return path


def slow_down(engine: type[TableEngine]) -> None:
    """Let an engine take its time, so that a render can be broken off; for a process that ends after."""
    decode = engine.decode

    def slow(self, latents_NChw):
        time.sleep(0.03)
        return decode(self, latents_NChw)

    engine.decode = slow  # type: ignore[method-assign]


def make_pack(folder: Path) -> CharacterPack:
    """Return a character without art or adapter."""
    return CharacterPack(
        folder=folder,
        name="ada",
        trigger="ztrig",
        caption="human brown hair",
        light="soft",
        canvas_wh=(64, 64),
        rig=HUMAN_RIG,
    )
