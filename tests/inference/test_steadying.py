from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from perfkit.composite import StylizedFrame
from perfkit.inference.point_motion import GRID, estimate_motion, measure_nearness
from perfkit.inference.steadying import steady_along_motion

SIZE = 96


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as executor:
        yield executor


def make_points(shift_px=(0.0, 0.0), *, seed=0):
    """Points all over the picture, visible, moved by `shift_px`."""
    points = np.random.default_rng(seed).uniform(0, SIZE, (40, 2)) + np.array(shift_px)
    return np.column_stack([points, np.ones(len(points))]).astype(np.float32)


def make_disc(x, y=48.0, *, grain=0.0, seed=0):
    """A textured disc at (x, y), opaque on nothing, with `grain` grey levels of noise of its own."""
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.uniform(40, 215, (SIZE, 2 * SIZE, 3)), (0, 0), 3)
    moved = cv2.warpAffine(texture, np.array([[1.0, 0, x - SIZE], [0, 1.0, 0]]), (SIZE, SIZE))
    moved = moved + np.random.default_rng(seed).normal(0, grain, moved.shape)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    inside = np.clip(30 - np.hypot(columns - x, rows - y) + 0.5, 0, 1)
    return np.dstack([np.clip(moved, 0, 255), 255 * inside]).round().astype(np.uint8)


def make_frames(num_frames, *, speed_px=0.0, grain=0.0, with_points=True):
    return [
        StylizedFrame(
            index,
            index / 25,
            make_disc(40 + speed_px * index, grain=grain, seed=index),
            points=make_points((speed_px * index, 0)) if with_points else None,
        )
        for index in range(num_frames)
    ]


def steady(frames, pool, *, reach=1, window_frames=4):
    return np.stack(
        [f.image_rgba for f in steady_along_motion(frames, reach=reach, window_frames=window_frames, pool=pool)]
    )


def measure_grain(pictures, speed_px):
    """Root mean square distance from the same discs without grain, where they are opaque."""
    clean = np.stack([make_disc(40 + speed_px * index) for index in range(len(pictures))]).astype(np.float64)
    inside = np.stack([cv2.erode(disc[..., 3], np.ones((5, 5))) == 255 for disc in clean])
    return np.sqrt(np.square(pictures.astype(np.float64) - clean)[..., :3][inside].mean())


def test_the_motion_of_points_that_all_move_alike_is_that_motion_everywhere():
    points, goals = make_points(), make_points((3.0, -2.0))
    motion = estimate_motion(points, goals, measure_nearness(points, (SIZE, SIZE)))
    np.testing.assert_allclose(motion, np.broadcast_to([3.0, -2.0], (GRID, GRID, 2)), atol=1e-4)


def test_a_cell_moves_as_the_point_in_it_and_hidden_points_have_no_say():
    points = np.array([[16, 16, 1], [80, 80, 1], [48, 48, 0]], np.float32)
    goals = points + np.array([[4, 0, 0], [0, 6, 0], [50, 50, 0]], np.float32)
    motion = estimate_motion(points, goals, measure_nearness(points, (SIZE, SIZE)))
    cell = GRID / SIZE
    np.testing.assert_allclose(motion[int(16 * cell), int(16 * cell)], [4, 0], atol=0.05)
    np.testing.assert_allclose(motion[int(80 * cell), int(80 * cell)], [0, 6], atol=0.05)
    assert np.abs(motion).max() <= 6.001


def test_no_motion_is_known_where_no_point_is_seen():
    points = make_points() * np.array([1, 1, 0], np.float32)
    assert not estimate_motion(points, points + 1, measure_nearness(points, (SIZE, SIZE))).any()


@pytest.mark.parametrize(("speed_px", "reach"), [(0.0, 1), (0.0, 2), (2.5, 1), (2.5, 2)])
def test_grain_falls_as_the_mean_of_its_frames_standing_or_moving(pool, speed_px, reach):
    """The mean of n frames with grain of their own has 1 / sqrt(n) of it."""
    frames = make_frames(20, speed_px=speed_px, grain=6.0)
    before = measure_grain(np.stack([f.image_rgba for f in frames]), speed_px)
    after = measure_grain(steady(frames, pool, reach=reach), speed_px)
    assert before == pytest.approx(6.0, rel=0.05)
    assert after == pytest.approx(before / np.sqrt(1 + 2 * reach), rel=0.2)


def test_pictures_that_stand_still_stay_as_they_are(pool):
    frames = make_frames(4)
    steadied, given = steady(frames, pool), np.stack([f.image_rgba for f in frames])
    opaque = given[..., 3] == 255
    assert np.array_equal(steadied[opaque], given[opaque])
    assert np.array_equal(steadied[..., 3], given[..., 3])


def test_what_the_points_do_not_explain_is_left_alone(pool):
    """The disc jumps by more than its own width and the points do not: no ghost of it stays behind."""
    frames = make_frames(3)
    jump = StylizedFrame(1, 0.04, make_disc(75), points=frames[1].points)
    steadied = steady([frames[0], jump, frames[2]], pool)
    given = np.stack([frames[0].image_rgba, jump.image_rgba, frames[2].image_rgba]).astype(int)
    only_there = (given[1, ..., 3] == 255) & (cv2.dilate(given[0, ..., 3].astype(np.uint8), np.ones((15, 15))) == 0)
    assert only_there.sum() > 500
    assert np.abs(steadied[1].astype(int) - given[1])[only_there].max() <= 1
    assert steadied[0][only_there, 3].max() == 0


def test_frames_without_points_count_as_standing_still(pool):
    with_points, without = make_frames(5, grain=5.0), make_frames(5, grain=5.0, with_points=False)
    assert np.abs(steady(with_points, pool).astype(int) - steady(without, pool)).max() <= 1


@pytest.mark.parametrize("window_frames", [1, 3, 50])
def test_windows_and_workers_change_no_pixel(pool, window_frames):
    frames = make_frames(9, speed_px=1.7, grain=4.0)
    with ThreadPoolExecutor(1) as single:
        whole = steady(frames, single, reach=2, window_frames=9)
    assert np.array_equal(steady(frames, pool, reach=2, window_frames=window_frames), whole)


def test_index_time_latents_and_points_pass_through(pool):
    frames = make_frames(3)
    for given, steadied in zip(frames, steady_along_motion(frames, reach=1, window_frames=2, pool=pool), strict=True):
        assert (steadied.index, steadied.seconds) == (given.index, given.seconds)
        assert steadied.points is given.points
