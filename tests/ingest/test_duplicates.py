"""The same picture is found however it was saved; another expression on the same head is another picture."""

import io

import cv2
import numpy as np
import pytest
from drawings import draw_head, lay_over
from PIL import Image

from perfkit.ingest.duplicates import find_same, find_sameness, find_similar, make_fingerprint

HEAD = draw_head(side_px=256)
NO_CLAIMS = [None, None, None, None]


def press(rgba: np.ndarray, quality: int) -> np.ndarray:
    """Return an opaque picture after JPEG."""
    content = io.BytesIO()
    Image.fromarray(lay_over(rgba, (250, 250, 250))).save(content, "JPEG", quality=quality)
    return np.dstack([np.asarray(Image.open(content).convert("RGB")), np.full((256, 256), 255, np.uint8)])


def opaque(rgba: np.ndarray) -> np.ndarray:
    """Return a drawing on paper, RGBA."""
    return np.dstack([lay_over(rgba, (250, 250, 250)), np.full(rgba.shape[:2], 255, np.uint8)])


@pytest.mark.parametrize("quality", [95, 80])
def test_another_export_is_nearly_the_same(quality):
    prints = [make_fingerprint(opaque(HEAD)), make_fingerprint(press(HEAD, quality))]
    assert find_same(prints) == [] and find_similar(prints) == [[0, 1]]


def test_another_size_is_nearly_the_same():
    large = opaque(draw_head(side_px=512))
    sizes = [large, cv2.resize(large, (384, 384), interpolation=cv2.INTER_AREA)]
    prints = [make_fingerprint(cv2.resize(each, (256, 256), interpolation=cv2.INTER_AREA)) for each in sizes]
    assert find_similar(prints) == [[0, 1]]


@pytest.mark.parametrize("other", [{"mouth": 12}, {"turn": 6}, {"skin": (200, 180, 150)}])
def test_another_drawing_is_another(other):
    assert find_similar([make_fingerprint(HEAD), make_fingerprint(draw_head(side_px=256, **other))]) == []


def test_the_same_pixels_are_left_out_once_unless_labels_disagree():
    pictures = {name: make_fingerprint(HEAD) for name in ("a", "b", "c")}
    smile = [None, "smile", None, None]
    agreeing = find_sameness(pictures, {"a": NO_CLAIMS, "b": smile, "c": smile})
    assert agreeing.same == (("b", "c", "a"),) and agreeing.left_out == {"a", "c"} and agreeing.contradicting == ()
    sad = [None, "sad", None, None]
    disagreeing = find_sameness(pictures, {"a": NO_CLAIMS, "b": smile, "c": sad})
    assert disagreeing.same == (("b", "a"),) and disagreeing.contradicting == (("b", "c"),)
    assert disagreeing.similar == ()


def test_godettes_expressions_are_told_apart(godette_dir):
    prints = []
    for name in ("aa", "angry", "blink", "happy", "neutral", "sad"):
        picture = np.asarray(Image.open(godette_dir / f"{name}_yaw+00.png").resize((256, 256)))
        prints.append(make_fingerprint(picture))
    assert find_similar(prints) == []
