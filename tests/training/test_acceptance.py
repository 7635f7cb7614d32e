"""What a character is judged by, and that the report says it."""

import json

import cv2
import numpy as np
import pytest

from perfkit.coverage.bins import FACES, find_faces
from perfkit.errors import PackError
from perfkit.pack import load_pack
from perfkit.training.acceptance import AcceptanceOptions, evaluate_character
from perfkit.training.acceptance.cells import _POSED, LIGHT_ROW, SHOWN_TURNS, make_cells
from perfkit.training.acceptance.scores import CellScore, score_renders
from perfkit.training.acceptance.verdict import Reference, judge
from perfkit.training.dataset import read_pictures
from perfkit.training.landmark_net import LandmarkNet
from perfkit.training.landmark_net.network import LandmarkNetwork
from perfkit.training.lora import LoraSettings, TrainOptions, train_character

REFERENCE = Reference(bare_db=14.0, autoencoder_db=30.0, family_db=21.0)
GOOD = CellScore(22.0, 0.9, 0.97, 0.03, 0.02, 4.0, nearest_db=15.0, is_held_out=True)


def score(**changes) -> CellScore:
    """Return a good score with changes."""
    return CellScore(**{**vars(GOOD), **changes})


def test_half_the_gap_closed_on_held_out_drawings_passes():
    verdict = judge([GOOD] * 8 + [score(psnr_db=2.0, is_held_out=False)] * 40, REFERENCE)
    assert (verdict.word, verdict.reasons, verdict.num_held_out) == ("pass", (), 8)
    assert verdict.gap_closed == pytest.approx(0.5)
    assert verdict.psnr_db == pytest.approx(22.0)


@pytest.mark.parametrize(
    ("changes", "word", "reason"),
    [
        ({"psnr_db": 16.0}, "fail", "closes 12%"),
        ({"psnr_db": 18.0}, "borderline", "closes 25%"),
        ({"psnr_db": 19.8}, "borderline", "within 1 dB"),
        ({"alpha_iou": 0.8}, "borderline", "outlines overlap"),
        ({"nearest_db": 25.0}, "borderline", "learned by heart"),
    ],
)
def test_what_is_wrong_is_said(changes, word, reason):
    verdict = judge([score(**changes)] * 8, REFERENCE)
    assert verdict.word == word
    assert any(reason in text for text in verdict.reasons)


def test_a_character_without_held_out_drawings_never_passes():
    verdict = judge([score(is_held_out=False)] * 8, REFERENCE)
    assert verdict.word == "borderline" and "too few" in verdict.reasons[-1]


def test_every_posed_face_does_what_its_column_says():
    assert set(_POSED) == {face.name for face in FACES}
    for name, weights in _POSED.items():
        assert name in find_faces(weights), name


def test_the_grid_has_every_angle_and_expression_and_each_light(tiny_pack):
    cells = make_cells(tiny_pack, style="nano", canvas_wh=(256, 256))
    assert len(cells) == len(SHOWN_TURNS) * len(FACES) + 1
    assert all(cell.control_rgb.any() for cell in cells)
    shown = {(cell.row, cell.column): cell.drawing for cell in cells if cell.drawing is not None}
    assert shown.pop((LIGHT_ROW, "left")) == 0
    assert set(shown.values()) == {0, 1} and {face for _, face in shown} == {"calm"}
    assert not np.array_equal(cells[0].control_rgb, cells[1].control_rgb)


def test_a_perfect_render_scores_perfectly(tiny_pack):
    pictures = read_pictures(tiny_pack, [0, 1, 2], image_wh=(256, 256))
    scores = score_renders(pictures, pictures, [0, 1, 2], pack=tiny_pack, net=LandmarkNet(LandmarkNetwork()))
    assert all(each.psnr_db == float("inf") and each.alpha_iou == 1 for each in scores)
    assert not any(each.is_copied or each.is_held_out for each in scores)
    swapped = score_renders(
        pictures[[1, 0, 2]], pictures, [0, 1, 2], pack=tiny_pack, net=LandmarkNet(LandmarkNetwork())
    )
    assert swapped[0].is_copied and swapped[1].is_copied


def test_drawings_that_differ_less_than_the_render_are_no_sign_of_learning_by_heart(tiny_pack):
    pictures = read_pictures(tiny_pack, [0, 1, 2], image_wh=(256, 256))
    pictures[1] = pictures[0]
    pictures[1][100:104, 120:136, :3] = 0
    render = pictures[1].copy()
    render[..., :3] = np.clip(render[..., :3].astype(int) + 30, 0, 255)
    net = LandmarkNet(LandmarkNetwork())
    [alike] = score_renders(render[None], pictures, [0], pack=tiny_pack, net=net)
    assert not alike.is_copied
    [copied] = score_renders(pictures[[2]], pictures, [0], pack=tiny_pack, net=net)
    assert copied.is_copied


def test_an_evaluation_writes_its_report_and_stamps_the_pack(tiny_pack, tiny_base, tmp_path):
    options = AcceptanceOptions(base_folder=tiny_base, net=LandmarkNet(LandmarkNetwork()))
    with pytest.raises(PackError, match="character train"):
        evaluate_character(tiny_pack, tmp_path / "out", options)
    train_character(tiny_pack, LoraSettings(steps=1, rank=1, num_priors=0), TrainOptions(base_folder=tiny_base))
    verdict, page = evaluate_character(tiny_pack.folder, tmp_path / "out", options)
    assert load_pack(tiny_pack.folder).loras["nano"].verdict == verdict.word
    assert verdict.word != "pass"
    table = json.loads((tmp_path / "out" / "acceptance.json").read_text())
    assert table["verdict"]["word"] == verdict.word and len(table["drawings"]) == 3
    grid = cv2.imread(str(tmp_path / "out" / "grid.png"))
    assert grid is not None and grid.std() > 5
    html = page.read_text()
    assert "http" not in html.replace("http-equiv", "") and verdict.reasons[0].split("%")[0] in html
