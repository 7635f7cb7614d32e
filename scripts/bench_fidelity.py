"""The truth bench, for scripts/bench.py: renders of a take against the exact drawing of the same performance.

A sample character's LoRA has seen 48 drawings, none of them of a take; the puppet draws what the take's performance
looks like when nothing is lost. Render and drawing are scored alike, frame by frame.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from perfkit.pack import CharacterPack
    from perfkit.track import CharacterTrack, PerformanceTrack


def print_fidelity(take: Path, names: list[str]) -> None:
    """Print one table: a row for every figure, a column for every character."""
    from perfkit.capture import capture_take

    track = capture_take(take)
    columns = {name: score_character(take, track, name) for name in names}
    print(f"against the exact drawing, {take.name}, {len(track)} frames, 4 steps | {' | '.join(columns)}")
    rows = {figure: None for column in columns.values() for figure in column}
    for figure in rows:
        print(f"{figure} | {' | '.join(column.get(figure, '-') for column in columns.values())}", flush=True)


def score_character(take: Path, track: "PerformanceTrack", name: str) -> dict[str, str]:
    """Return every figure of a character's score against its exact drawing, as text."""
    from perfkit.inference.render import render_take, retarget_performance
    from perfkit.inference.settings import RuntimeSettings
    from perfkit.pack import load_pack
    from perfkit.score import ScoreRequest, score_video
    from perfkit.score.score_page import format_bar, format_figure
    from perfkit.track import save_track
    from perfkit.training.landmark_net import LandmarkNet
    from perfkit.video import open_take

    pack = load_pack(name)
    with tempfile.TemporaryDirectory() as folder:
        perf, out, truth = (Path(folder) / file for file in ("take.perf", "out.mp4", "truth.mp4"))
        save_track(track, perf)
        render_take(perf, pack, out, runtime=RuntimeSettings(take=take))
        write_truth(retarget_performance(track, pack), pack, truth)
        request = ScoreRequest(out=out, take=open_take(take), track=track, truth=truth)
        score = score_video(request, LandmarkNet.load())
    figures = {}
    for figure in score.figures:
        bar = format_bar(figure)
        told = [f"{bar} asked"] * bool(bar) + [figure.beside] * (figure.group == "acting" and bool(figure.beside))
        figures[f"{figure.group}: {figure.name}"] = f"{format_figure(figure)}" + f" ({'; '.join(told)})" * bool(told)
    return figures


def write_truth(character: "CharacterTrack", pack: "CharacterPack", path: Path) -> None:
    """Write the exact drawing of a performance as a video, over the background of a render."""
    from perfkit.composite import composite, make_background
    from perfkit.inference.settings import DEFAULT_BACKGROUND
    from perfkit.video_write import VideoWriter

    times = character.times
    background = make_background(DEFAULT_BACKGROUND, pack.canvas_wh)
    with VideoWriter(path, time_base=times.time_base, rate_fps=times.rate_fps or None) as writer:
        for index, image_rgba in enumerate(draw_performance(character, pack)):
            writer.write(composite(image_rgba, background(float(times.seconds[index]), None)), int(times.pts[index]))


def draw_performance(character: "CharacterTrack", pack: "CharacterPack") -> "Iterator[np.ndarray]":
    """Yield the puppet's drawing of every frame, (256, 256, 4) uint8, straight alpha."""
    from perfkit.training.puppet.drawing import draw_pose
    from perfkit.training.puppet.performance import Pose
    from perfkit.training.sample_characters import LIGHTS, SAMPLE_CHARACTERS

    puppet = SAMPLE_CHARACTERS[pack.name].puppet
    for weights, head, body in zip(character.weights, character.head, character.body, strict=True):
        yield draw_pose(puppet, Pose(weights, head, body), LIGHTS[0], size=pack.canvas_wh[0]).rgba
