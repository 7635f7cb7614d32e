"""A perfect result meets the bars; each fault is seen by its own figure, and stillness is no merit."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from score_stage import BACKGROUND, NUM_FRAMES, KnowingReader, build_stage, draw_character

from perfkit.composite import join_side_by_side
from perfkit.errors import MediaError, PerfkitError, TrackError
from perfkit.headspace import straighten
from perfkit.rig import HUMAN_RIG, face_points, pose_face, rest_points
from perfkit.score import save_score, score_video
from perfkit.score.score_page import format_bar, format_figure
from perfkit.video import VideoWriter, iterate_frames, open_take


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A performer, their take, a character."""
    return build_stage(tmp_path_factory.mktemp("stage"))


@pytest.fixture(scope="module")
def exact(stage):
    """The exact drawing of the performance, as a result."""
    return stage.write("exact")


@pytest.fixture(scope="module")
def perfect(stage, exact):
    """The score of the exact drawing against itself."""
    reader = KnowingReader(stage.asked, num_videos=2)
    score = score_video(stage.request(exact, truth=exact), reader)
    assert reader.largest_batch <= 16, "pixels pass, they are not held"
    return score


def test_a_perfect_result_meets_every_bar(perfect):
    missed = [(figure.name, figure.value, figure.beside) for figure in perfect.figures if figure.passes is False]
    assert missed == []
    assert {figure.name for figure in perfect.figures if figure.passes} >= {
        "jaw", "smile", "brows", "blink recall", "blink precision", "head pose", "landmark error", "motion kept",
        "warp error / exact drawing", "seam index", "colour drift",
    }  # fmt: skip


def test_a_perfect_result_has_the_figures_of_the_hand_calculation(perfect):
    assert perfect.figure("landmark error").value == pytest.approx(0, abs=1e-3)
    assert perfect.figure("motion kept").value == pytest.approx(1, abs=1e-3)
    assert perfect.figure("warp error / exact drawing").value == pytest.approx(1)
    assert perfect.figure("seam index").value == pytest.approx(1)
    assert perfect.figure("colour drift").value == pytest.approx(0)
    assert np.isinf(perfect.figure("PSNR").value) and perfect.figure("SSIM").value == pytest.approx(1)
    assert perfect.figure("alpha IoU").value == 1
    assert perfect.figure("faces read").value == 100


@pytest.fixture(scope="module")
def frozen(stage, exact):
    """The score of a video that shows one frame all the time."""
    order = [30] * NUM_FRAMES
    out = stage.write("frozen", order=order)
    reader = KnowingReader(stage.asked, order=[*order])
    exact_points = KnowingReader(stage.asked)

    class BothReader:
        """Reads the frozen result and the moving drawing in turn."""

        turn = 0

        def predict(self, images_rgb):
            self.turn += 1
            return (reader if self.turn % 2 else exact_points).predict(images_rgb)

    return score_video(stage.request(out, truth=exact), BothReader())


def test_a_frozen_video_scores_badly_however_steady_it_is(frozen):
    assert frozen.figure("motion kept").value == pytest.approx(0, abs=1e-6)
    assert frozen.figure("motion kept").passes is False
    assert frozen.figure("jitter").value == pytest.approx(0, abs=1e-6)
    for name in ("jitter", "static flicker", "warp error / exact drawing", "seam index"):
        assert frozen.figure(name).is_spoilt and frozen.figure(name).passes is not True, name
        assert "frozen" in frozen.figure(name).beside
    assert frozen.figure("jaw").value == 0 and frozen.figure("jaw").passes is False
    assert frozen.figure("blink recall").passes is False


def test_a_late_result_is_told_by_how_many_frames(stage):
    order = [max(0, index - 3) for index in range(NUM_FRAMES)]
    score = score_video(stage.request(stage.write("late", order=order)), KnowingReader(stage.asked, order=order))
    assert "lag +3 frames" in score.figure("jaw").beside
    assert score.figure("jaw").value > 0.97 and score.figure("jaw").passes is False
    assert score.figure("blink recall").passes is False


def test_flicker_is_seen_in_time_and_nowhere_else(stage, exact):
    rng = np.random.default_rng(0)

    def flicker(index: int, picture: np.ndarray) -> np.ndarray:
        return np.clip(picture.astype(int) + int(rng.integers(-9, 10)), 0, 255).astype(np.uint8)

    out = stage.write("flicker", flicker)
    score = score_video(stage.request(out, truth=exact), KnowingReader(stage.asked, num_videos=2))
    assert score.figure("warp error / exact drawing").passes is False
    assert score.figure("static flicker").value > 2
    assert score.figure("jaw").passes and score.figure("head pose").passes and score.figure("motion kept").passes


def test_a_colour_that_jumps_at_window_joins_is_a_seam_and_a_drift(stage, exact):
    def shift(index: int, picture: np.ndarray) -> np.ndarray:
        return np.clip(picture.astype(int) - 8 * (index // 20), 0, 255).astype(np.uint8)

    out = stage.write("seams", shift)
    score = score_video(stage.request(out, truth=exact), KnowingReader(stage.asked, num_videos=2))
    assert score.figure("seam index").value > 1.3 and "2 joins" in score.figure("seam index").beside
    assert score.figure("colour drift").value > 3
    other = replace(stage.request(out, truth=exact), window_frames=27)
    elsewhere = score_video(other, KnowingReader(stage.asked, num_videos=2))
    assert elsewhere.figure("seam index").value < 1.1


def test_a_trembling_reading_is_jitter(stage, exact, perfect):
    reader = KnowingReader(stage.asked)
    reader.points = reader.points + 0.6 * (-1.0) ** np.arange(NUM_FRAMES)[:, None, None]
    score = score_video(stage.request(exact), reader)
    assert score.figure("jitter").value > 3 * perfect.figure("jitter").value


def test_the_performers_face_shape_that_comes_through_is_a_leak(stage, exact):
    own = rest_points(stage.pack.rig).astype(np.float64)
    performer = straighten(rest_points(HUMAN_RIG).astype(np.float64))
    shares = {}
    for share in (0.0, 0.5):
        reader = KnowingReader(stage.asked)
        shape = face_points(stage.pack.rig, stage.asked.weights) + share * (performer - own)
        reader.points, _ = pose_face(shape, stage.asked.head)
        shares[share] = score_video(stage.request(exact), reader).figure("face shape leak").value
    assert shares[0.0] == pytest.approx(0, abs=0.05)
    assert shares[0.5] == pytest.approx(0.5, abs=0.1)


def test_a_result_beside_its_take_is_read_at_its_own_half(stage, exact, perfect):
    path = stage.folder / "beside.mp4"
    with VideoWriter(path, time_base=stage.track.times.time_base) as writer:
        takes, characters = iterate_frames(stage.take), iterate_frames(open_take(exact))
        for (_, pts, take_rgb), (_, _, character_rgb) in zip(takes, characters, strict=True):
            writer.write(join_side_by_side(take_rgb, character_rgb), pts)
    stage.describe(path, settings={"background": "#dfe6ea", "side_by_side": True})
    reader = KnowingReader(stage.asked)
    reader.points = reader.points * (open_take(path).info.size_wh[1] / 128)
    score = score_video(stage.request(path), reader)
    assert score.figure("landmark error").value == pytest.approx(0, abs=0.5)
    assert score.figure("jaw").value == pytest.approx(perfect.figure("jaw").value, abs=0.02)


def test_a_transparent_result_is_cut_out_by_its_own_alpha(stage):
    def write(name: str) -> Path:
        path = stage.folder / f"{name}.mov"
        with VideoWriter(path, time_base=stage.track.times.time_base) as writer:
            for index in range(NUM_FRAMES):
                picture = draw_character(stage.asked, index)
                alpha = np.where((picture == BACKGROUND).all(axis=-1), 0, 255).astype(np.uint8)
                writer.write(np.dstack([picture, alpha]), int(stage.track.times.pts[index]))
        stage.describe(path, settings={"background": "#dfe6ea", "alpha": True})
        return path

    out = write("clear")
    score = score_video(stage.request(out, truth=out), KnowingReader(stage.asked, num_videos=2))
    assert score.figure("alpha IoU").value == 1 and score.notes == ()
    assert score.figure("colour drift").passes


def test_frames_without_a_face_are_counted_and_not_guessed(stage, exact):
    class BlinkingReader(KnowingReader):
        """Sees nothing in every other frame."""

        def predict(self, images_rgb):
            reading = super().predict(images_rgb)
            return replace(reading, confidence=(np.arange(len(images_rgb)) % 2).astype(np.float32))

    score = score_video(stage.request(exact), BlinkingReader(stage.asked))
    assert score.figure("faces read").value == 50
    assert np.isnan(score.curves["output landmark error"]).sum() == NUM_FRAMES // 2

    class BlindReader(KnowingReader):
        """Sees nothing at all."""

        def predict(self, images_rgb):
            reading = super().predict(images_rgb)
            return replace(reading, confidence=np.zeros(len(images_rgb), np.float32))

    blind = score_video(stage.request(exact), BlindReader(stage.asked))
    assert np.isnan(blind.figure("landmark error").value) and np.isnan(blind.figure("head pose").value)
    assert blind.figure("faces read").value == 0


def test_a_result_of_another_take_is_refused(stage, exact):
    other = replace(stage.request(exact), track=replace(stage.track, take_digest="1" * 64))
    with pytest.raises(TrackError, match="is not the take"):
        score_video(other, KnowingReader(stage.asked))


def test_a_result_without_provenance_is_refused_with_the_verb_that_writes_it(stage, exact, tmp_path):
    alone = tmp_path / "alone.mp4"
    alone.write_bytes(exact.read_bytes())
    with pytest.raises(MediaError, match="perfkit render"):
        score_video(stage.request(alone), KnowingReader(stage.asked))


def test_a_drawing_that_ends_early_or_has_another_size_is_refused(stage, exact, tmp_path):
    short = tmp_path / "short.mp4"
    with VideoWriter(short, time_base=stage.track.times.time_base) as writer:
        for index, pts, picture in iterate_frames(open_take(exact)):
            if index < 50:
                writer.write(picture, pts)
    with pytest.raises(MediaError, match=r"short\.mp4: ends before frame 50 of 60"):
        score_video(stage.request(exact, truth=short), KnowingReader(stage.asked, num_videos=2))
    with pytest.raises(MediaError, match="128x128"):
        score_video(stage.request(exact, truth=stage.take.path), KnowingReader(stage.asked, num_videos=2))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"settings": {"retarget": {"wings": 2}}}, "wings"),
        ({"settings": {"calibration": "gone.calibration"}}, "gone.calibration"),
        ({"character": "nobody"}, "nobody"),
        ({"num_frames": 7}, "7 frames"),
    ],
)
def test_a_provenance_that_cannot_be_followed_is_refused_in_one_line(stage, exact, tmp_path, changes, words):
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(exact.read_bytes())
    stage.describe(copy, **changes)
    with pytest.raises(PerfkitError, match=words) as refused:
        score_video(stage.request(copy), KnowingReader(stage.asked))
    assert "\n" not in str(refused.value)


def test_another_background_is_told_and_scored_by_a_hull(stage, exact, tmp_path):
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(exact.read_bytes())
    stage.describe(copy, settings={"background": "beach.jpg"})
    score = score_video(stage.request(copy), KnowingReader(stage.asked))
    assert any("hull" in note for note in score.notes)
    assert np.isfinite(score.figure("warp error").value)


def test_the_files_hold_every_figure_and_curve_and_no_nan(perfect, tmp_path):
    page = save_score(perfect, tmp_path).read_text()
    table = json.loads((tmp_path / "score.json").read_text(), parse_constant=lambda word: pytest.fail(word))
    assert [figure["name"] for figure in table["figures"]] == [figure.name for figure in perfect.figures]
    assert all(len(curve) == NUM_FRAMES for curve in table["curves"].values())
    assert table["events"]["window joins"] == [20, 40]
    for figure in perfect.figures:
        assert figure.name in page
    assert page.count("<svg") > 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["score.html", "score.json"]


def test_figures_are_written_with_unit_and_bar(perfect):
    assert format_figure(perfect.figure("jaw")).endswith(" r") and format_bar(perfect.figure("jaw")) == ">= 0.97"
    assert format_bar(perfect.figure("motion kept")) == "0.8 to 1.25"
    assert format_figure(replace(perfect.figure("jaw"), value=float("nan"))) == "-"
    assert format_figure(perfect.figure("PSNR")) == "equal"
