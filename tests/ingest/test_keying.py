"""A clean background comes off and takes nothing of the character along; any other is refused with what to do."""

import io

import numpy as np
import pytest
from drawings import SIDE_PX, draw_head, lay_over
from PIL import Image

from perfkit.errors import PackError
from perfkit.ingest.keying import is_eaten, key_background

HEAD = draw_head()
PAPERS = {"white": (255, 255, 255), "grey": (232, 238, 244), "green": (0, 177, 64), "black": (0, 0, 0)}


def measure_iou(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the overlap of two alphas, uint8."""
    first, second = found.astype(float), truth.astype(float)
    return float(np.minimum(first, second).sum() / np.maximum(first, second).sum())


def press(image_rgb: np.ndarray, quality: int) -> np.ndarray:
    """Return a picture after JPEG."""
    content = io.BytesIO()
    Image.fromarray(image_rgb).save(content, "JPEG", quality=quality)
    return np.asarray(Image.open(content).convert("RGB"))


@pytest.mark.parametrize("paper", ["white", "grey", "green"])
def test_alpha_over_flat_paper_is_found_again(paper):
    keyed = key_background(lay_over(HEAD, PAPERS[paper]), is_lossy=False)
    assert measure_iou(keyed[..., 3], HEAD[..., 3]) > 0.995
    other = (255, 0, 255)
    assert np.abs(lay_over(keyed, other).astype(int) - lay_over(HEAD, other)).mean() < 0.5


@pytest.mark.parametrize("paper", ["white", "grey", "green"])
def test_alpha_survives_jpeg(paper):
    keyed = key_background(press(lay_over(HEAD, PAPERS[paper]), 85), is_lossy=True)
    assert measure_iou(keyed[..., 3], HEAD[..., 3]) > 0.98


def test_keyed_drawing_over_its_own_paper_looks_as_before():
    on_paper = lay_over(HEAD, PAPERS["grey"])
    keyed = key_background(on_paper, is_lossy=False)
    assert np.abs(lay_over(keyed, PAPERS["grey"]).astype(int) - on_paper).max() <= 6


def test_white_eyes_on_white_paper_stay():
    keyed = key_background(lay_over(HEAD, PAPERS["white"]), is_lossy=False)
    assert keyed[76:80, 80:84, 3].min() == 255


def test_white_shirt_that_the_lower_edge_cuts_stays():
    shirt = np.full((100, 100, 3), 255, np.uint8)
    shirt[60:, 20:80] = 0
    shirt[64:, 24:76] = 255
    keyed = key_background(shirt, is_lossy=False)
    assert keyed[-1, 50, 3] == 255 and keyed[0, 50, 3] == 0


@pytest.mark.parametrize(("paper", "goes"), [("green", True), ("white", False)])
def test_a_hole_goes_on_a_keying_colour_only(paper, goes):
    ring = lay_over(HEAD, PAPERS[paper])
    ring[90:110, 90:110] = PAPERS[paper]
    keyed = key_background(ring, is_lossy=False)
    assert (keyed[100, 100, 3] == 0) == goes


def test_thin_lines_keep_their_ink():
    lines = np.full((100, 100, 3), 255, np.uint8)
    lines[20:80, 30:70] = (90, 60, 40)
    lines[10:90, 50] = 0
    keyed = key_background(lines, is_lossy=False)
    assert keyed[12, 50].tolist() == [0, 0, 0, 255]


def make_gradient() -> np.ndarray:
    """Return a head before a sky that goes from white to blue."""
    sky = np.linspace((255, 255, 255), (60, 90, 200), SIDE_PX)[:, None].repeat(SIDE_PX, axis=1)
    alpha = HEAD[..., 3:] / 255
    return np.rint(HEAD[..., :3] * alpha + sky * (1 - alpha)).astype(np.uint8)


def make_framed() -> np.ndarray:
    """Return noise in a white frame."""
    framed = np.full((100, 100, 3), 255, np.uint8)
    framed[20:80, 20:80] = np.random.default_rng(0).integers(0, 200, (60, 60, 3))
    return framed


@pytest.mark.parametrize(
    "picture",
    [make_gradient(), make_framed(), np.full((80, 80, 3), 7, np.uint8),
     np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)],
    ids=["gradient", "frame", "nothing", "noise"],
)  # fmt: skip
def test_no_clean_background_is_refused_with_the_matte_to_make(picture):
    with pytest.raises(PackError, match=r"NAME\.matte\.png"):
        key_background(picture, is_lossy=False)


def test_paper_that_runs_into_the_face_is_noticed():
    open_line = HEAD.copy()
    open_line[..., :3][HEAD[..., 0] > 200] = 255
    closed = key_background(lay_over(open_line, PAPERS["white"]), is_lossy=False)
    open_line[130:170, 40:60] = 0
    eaten = key_background(lay_over(open_line, PAPERS["white"]), is_lossy=False)
    assert not is_eaten(closed) and is_eaten(eaten)
    assert not is_eaten(HEAD)


def test_godette_loses_her_background_and_nothing_else(godette_dir):
    """Her white strand and collar differ from the light paper by less than a tenth; they must stay."""
    picture = np.asarray(Image.open(godette_dir / "neutral_yaw+00.png"))
    assert (picture[..., 3] == 255).all()
    keyed = key_background(picture[..., :3], is_lossy=False)
    paper = (picture[..., :3] == picture[0, 0, :3]).all(axis=-1)
    assert (keyed[paper][:, 3] == 0).mean() > 0.99
    assert (keyed[110:150, 262:290, 3] == 255).all()
    assert 0.45 < (keyed[..., 3] > 128).mean() < 0.52
