"""Faults as they happen: each spoils one arrow of a render, for the tests of golden takes."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from av.video.reformatter import Colorspace

from perfkit import video_encode, video_sound
from perfkit.inference import job, render, stylize
from perfkit.inference.golden import evidence
from perfkit.video_write import VideoWriter
from perfkit.vocabulary import BLENDSHAPE_INDEX

Fault = Callable[[pytest.MonkeyPatch], None]
DROPPED_FRAME = 8


def swap_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give jaw and pucker each other's numbers."""
    real = evidence.read_performance

    def read(source, runtime):
        performance = real(source, runtime)
        shapes = performance.track.blendshapes.copy()
        pair = [BLENDSHAPE_INDEX["jawOpen"], BLENDSHAPE_INDEX["mouthPucker"]]
        shapes[:, pair] = shapes[:, pair[::-1]]
        return replace(performance, track=replace(performance.track, blendshapes=shapes))

    monkeypatch.setattr(evidence, "read_performance", read)


def draw_one_px_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Move every control picture by a pixel."""
    real = render.draw_control

    def draw(*arguments, **options):
        for frame in real(*arguments, **options):
            yield replace(frame, image_rgb=np.roll(frame.image_rgb, 1, axis=1))

    monkeypatch.setattr(render, "draw_control", draw)


def shift_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the noise of the next seed."""
    real = stylize.make_noise
    monkeypatch.setattr(stylize, "make_noise", lambda *args, seed: real(*args, seed=seed + 1))
    shared = stylize.SharedNoise
    monkeypatch.setattr(stylize, "SharedNoise", lambda *args, share, seed: shared(*args, share=share, seed=seed + 1))


def drop_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lose one picture on its way into the video."""
    real, numbers = VideoWriter.write, itertools.count()

    def write(writer, image, pts):
        if next(numbers) != DROPPED_FRAME:
            real(writer, image, pts)

    monkeypatch.setattr(VideoWriter, "write", write)


def use_another_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convert to YCbCr by BT.601 where the video says BT.709."""
    real = video_encode.VideoReformatter

    class Reformatter:
        def reformat(self, frame, **options):
            return real().reformat(frame, **(options | {"dst_colorspace": Colorspace.ITU601}))

    monkeypatch.setattr(video_encode, "VideoReformatter", Reformatter)


def delay_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy every packet of sound a thirtieth of a second late."""
    real = video_sound._CopiedSound.mux

    def mux(track, packet):
        shift = int(Fraction(1, 30) / packet.time_base)
        packet.pts += shift
        packet.dts += shift
        real(track, packet)

    monkeypatch.setattr(video_sound._CopiedSound, "mux", mux)


def strengthen_lora(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the character's LoRA two per cent stronger."""
    real = job._find_loras

    def find(pack, settings):
        return tuple(replace(lora, scale=1.02 * lora.scale) for lora in real(pack, settings))

    monkeypatch.setattr(job, "_find_loras", find)


FAULTS: dict[str, tuple[Fault, str]] = {
    "one landmark channel swapped": (swap_channels, "track"),
    "a control drawn 1 px off": (draw_one_px_off, "control"),
    "seed off by one": (shift_seed, "latents"),
    "one frame dropped": (drop_a_frame, "time"),
    "wrong colour matrix": (use_another_matrix, "picture"),
    "sound one frame late": (delay_sound, "sound"),
}
