"""Drawings of one sheet share one scale and one place; a bust stays cut where it was cut."""

import numpy as np
import pytest
from drawings import draw_head

from perfkit.errors import PackError
from perfkit.ingest.framing import Extent, choose_windows, measure_extent, place_on_canvas, points_on_canvas
from perfkit.ingest.read import premultiply, unpremultiply

CANVAS = (256, 256)


def middle_of(rgba: np.ndarray) -> np.ndarray:
    """Return the centre of mass of what is drawn, x y px."""
    ys, xs = np.indices(rgba.shape[:2])
    alpha = rgba[..., 3].astype(float)
    return np.array([((xs + 0.5) * alpha).sum(), ((ys + 0.5) * alpha).sum()]) / alpha.sum()


def test_drawings_of_one_sheet_keep_their_relation():
    pictures = {}
    for name, (x, y) in {"a": (60, 80), "b": (100, 60)}.items():
        rgba = np.zeros((300, 300, 4), np.uint8)
        rgba[y : y + 60, x : x + 90] = 255
        pictures[name] = rgba
    extents = {name: measure_extent(rgba, size_wh=(300, 300)) for name, rgba in pictures.items()}
    windows = choose_windows(extents, CANVAS, "whole")
    placed = {name: place_on_canvas(rgba, windows[name], CANVAS) for name, rgba in pictures.items()}
    way = middle_of(placed["b"]) - middle_of(placed["a"])
    assert windows["a"] == windows["b"]
    assert way == pytest.approx(np.array([40, -20]) * windows["a"].scale / 300, abs=0.6)
    widest = max(int(np.ptp(np.flatnonzero(rgba[..., 3].any(axis=0)))) for rgba in placed.values())
    assert 0.5 * CANVAS[0] < widest < CANVAS[0]


def test_the_same_sheet_at_another_resolution_lands_on_the_same_place():
    small, large = draw_head(side_px=200), draw_head(side_px=400)
    extents = {"a": measure_extent(small, size_wh=(200, 200)), "b": measure_extent(large, size_wh=(400, 400))}
    windows = choose_windows(extents, CANVAS, "whole")
    first, second = (place_on_canvas(rgba, windows[name], CANVAS) for name, rgba in (("a", small), ("b", large)))
    assert np.abs(premultiply(first) - premultiply(second)).mean() < 1.5


def test_what_the_sheet_cuts_is_cut_by_the_canvas():
    extents = {"a": Extent((200, 200), (0.3, 0.2, 0.7, 1.0))}
    window = choose_windows(extents, CANVAS, "whole")["a"]
    assert window.left_top[1] + window.scale == pytest.approx(256)
    extents = {"a": Extent((300, 200), (0.5, 0.1, 1.0, 0.9))}
    window = choose_windows(extents, CANVAS, "whole")["a"]
    assert window.left_top[0] + window.scale == pytest.approx(256)


def test_what_the_sheet_does_not_cut_keeps_a_distance():
    window = choose_windows({"a": Extent((200, 200), (0.3, 0.2, 0.7, 0.8))}, CANVAS, "whole")["a"]
    top, bottom = (window.left_top[1] + share * window.scale for share in (0.2, 0.8))
    assert 4 < top < 16 and 240 < bottom < 252
    assert top + bottom == pytest.approx(256)


def test_tall_figures_become_busts_unless_the_whole_is_wanted():
    extents = {"a": Extent((400, 1000), (0.2, 0.05, 0.8, 0.98))}
    bust, whole = (choose_windows(extents, CANVAS, framing)["a"] for framing in ("auto", "whole"))
    assert bust == choose_windows(extents, CANVAS, "bust")["a"]
    assert bust.scale == pytest.approx(256 / (0.6 * 1.06)) and whole.scale < bust.scale / 2
    assert 0 < bust.left_top[1] + 0.05 * 2.5 * bust.scale < 20


def test_sheets_of_other_shapes_have_their_own_scale():
    extents = {"a": Extent((200, 200), (0.1, 0.1, 0.9, 0.9)), "b": Extent((300, 200), (0.4, 0.4, 0.5, 0.5))}
    windows = choose_windows(extents, CANVAS, "whole")
    assert windows["a"] != windows["b"]


def test_points_land_where_their_pixels_do():
    rgba = np.zeros((200, 200, 4), np.uint8)
    rgba[40:44, 60:64] = 255
    rgba[180:, 20:180] = 255
    window = choose_windows({"a": measure_extent(rgba, size_wh=(200, 200))}, CANVAS, "whole")["a"]
    placed = place_on_canvas(rgba, window, CANVAS)
    dot = middle_of(placed[:100])
    assert points_on_canvas(np.array([[62.0, 42.0]]), window, (200, 200))[0] == pytest.approx(dot, abs=0.7)


def test_edges_do_not_darken_when_scaled():
    white = np.zeros((120, 120, 4), np.uint8)
    white[30:90, 30:90] = 255
    window = choose_windows({"a": measure_extent(white, size_wh=(120, 120))}, CANVAS, "whole")["a"]
    placed = place_on_canvas(white, window, CANVAS)
    assert (placed[..., :3][placed[..., 3] > 0] >= 254).all()
    assert (placed[placed[..., 3] == 0] == 0).all()


def test_premultiplying_there_and_back_changes_nothing():
    rgba = np.random.default_rng(0).integers(0, 256, (64, 64, 4), dtype=np.uint8)
    rgba[rgba[..., 3] == 0] = 0
    assert np.array_equal(unpremultiply(premultiply(rgba)), rgba)


def test_an_empty_drawing_is_refused():
    with pytest.raises(PackError, match="transparent"):
        measure_extent(np.zeros((50, 50, 4), np.uint8), size_wh=(50, 50))
