"""A folder of drawings becomes a pack, whole or not at all; every label says where it comes from."""

import json
from dataclasses import dataclass
from datetime import date

import cv2
import numpy as np
import pytest
from drawings import draw_head, lay_over, save

from perfkit.art import read_art
from perfkit.errors import MediaError, PackError, RightsError, SettingsError
from perfkit.ingest import IngestSettings, Readers, build_pack, describe_report
from perfkit.pack import load_pack
from perfkit.rig import HUMAN_RIG, face_points, pose_face, rest_head
from perfkit.rights import Rights
from perfkit.training.dataset import Placing, iterate_placed
from perfkit.vocabulary import BLENDSHAPE_INDEX, CONTOURS, NUM_CONTOUR_POINTS

SETTINGS = IngestSettings(name="pip", licence="CC0-1.0", owner="Ann")


@dataclass(frozen=True, eq=False)
class Reading:
    """What `Seer` sees."""

    points: np.ndarray
    visibility: np.ndarray
    confidence: np.ndarray


class Seer:
    """A reader that sees the average adult, turned by 30 degrees, mouth open, wherever it is asked; or nobody."""

    def __init__(self, confidence: float = 0.9) -> None:
        self.confidence = confidence
        self.num_seen = 0

    def predict(self, images_rgb: np.ndarray) -> Reading:
        """Return the same face for every picture."""
        weights = np.zeros(52, np.float32)
        weights[BLENDSHAPE_INDEX["jawOpen"]] = 0.6
        head = rest_head(HUMAN_RIG, (256, 256))
        head[0] = 30
        points, visibility = pose_face(face_points(HUMAN_RIG, weights), head)
        num = len(images_rgb)
        self.num_seen += num
        tile = (num, 1, 1)
        return Reading(np.tile(points, tile), np.tile(visibility, tile[:2]), np.full(num, self.confidence, np.float32))


@pytest.fixture
def art(tmp_path):
    """A folder of five drawings in several formats."""
    folder = tmp_path / "art"
    save(folder / "calm_yaw+00.png", draw_head())
    save(folder / "smile_yaw-30.jpg", lay_over(draw_head(turn=-10, mouth=6), (255, 255, 255)))
    save(folder / "more" / "blink.webp", draw_head(mouth=8))
    save(folder / "IMG_01.png", draw_head(turn=10))
    save(folder / "hard_leftlight.png", draw_head(turn=14))
    return folder


def items_of(pack) -> dict:
    """Return file -> item."""
    return {item.file: item for item in pack.art}


def test_a_folder_becomes_a_pack_that_loads_and_trains_as_any_other(art, tmp_path):
    report = build_pack(art, tmp_path / "pip", SETTINGS, readers=Readers(Seer()))
    pack = load_pack(tmp_path / "pip")
    assert pack == report.pack and pack.name == pack.trigger == "pip"
    pack.require_right("train")
    assert sorted(path.name for path in pack.folder.iterdir()) == ["art", "character.toml"]
    rows = list(iterate_placed(pack, Placing((64, 64), "nano")))
    assert len(rows) == 5 and all(row.control.any() for row in rows)


def test_labels_say_who_gave_them(art, tmp_path):
    (art / "labels.csv").write_text("file,yaw,expression,owner\nIMG_01.png,15,sad,Bob\nmore/blink.webp,-60,,\n")
    items = items_of(build_pack(art, tmp_path / "pip", SETTINGS, readers=Readers(Seer())).pack)
    assert items["art/calm_yaw+00.png"].yaw_deg == 0 and items["art/smile_yaw-30.png"].yaw_deg == -30
    img, blink, lit = items["art/IMG_01.png"], items["art/more_blink.png"], items["art/hard_leftlight.png"]
    assert (img.yaw_deg, img.expression, img.owner, img.licence) == (15, "sad", "Bob", "CC0-1.0")
    assert img.sources == {"angle": "sidecar", "expression": "sidecar", "light": "assumed", "points": "landmark net"}
    assert (blink.yaw_deg, blink.weights) == (-60, {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0})
    assert blink.sources["angle"] == "sidecar" and blink.sources["expression"] == "file name"
    assert lit.light == "hard leftlight" and lit.sources["light"] == "file name"
    assert lit.sources["angle"] == lit.sources["expression"] == "landmark net"
    assert abs(lit.yaw_deg - 30) < 6 and lit.weights["jawOpen"] > 0.4


def test_without_a_reader_what_nobody_says_is_not_known(art, tmp_path):
    pack = build_pack(art, tmp_path / "pip", SETTINGS).pack
    unknown = items_of(pack)["art/IMG_01.png"]
    assert unknown.yaw_deg is None and unknown.sources == {"light": "assumed"} and pack.landmarks is None
    assert load_pack(pack.folder) == pack


def test_a_reader_that_is_not_sure_is_not_believed(art, tmp_path):
    pack = build_pack(art, tmp_path / "pip", SETTINGS, readers=Readers(Seer(confidence=0.3))).pack
    assert pack.landmarks is None and items_of(pack)["art/IMG_01.png"].yaw_deg is None


def test_points_of_the_sidecar_land_on_the_canvas_and_need_no_reader(art, tmp_path):
    oval = [[100 + 50 * np.sin(turn), 95 - 60 * np.cos(turn)] for turn in np.arange(36) * np.pi / 18]
    points = {name: [[100.0, 95.0]] * len(rows) for name, rows in CONTOURS.items()} | {"face_oval": oval}
    (art / "labels.json").write_text(json.dumps({"calm_yaw+00.png": {"points": points}}))
    seer = Seer()
    pack = build_pack(art, tmp_path / "pip", SETTINGS, readers=Readers(seer)).pack
    index = [item.file for item in pack.art].index("art/calm_yaw+00.png")
    assert pack.art[index].sources["points"] == "sidecar" and seer.num_seen == 4
    face = pack.load_landmarks().face[index]
    alpha = read_art(pack.folder / pack.art[index].file)[..., 3]
    top = np.flatnonzero(alpha[:, 128 - 3 : 128 + 3].any(axis=1))[0]
    assert face.shape == (NUM_CONTOUR_POINTS, 2)
    assert face[0, 1] - top == pytest.approx(3 * 256 / 200 * 1.1, abs=3)
    assert face[:36, 0].mean() == pytest.approx(128, abs=2)


def test_yaw_that_counts_to_the_left_is_turned_round(art, tmp_path):
    settings = IngestSettings(name="pip", positive_yaw="left")
    pack = build_pack(art, tmp_path / "pip", settings).pack
    assert items_of(pack)["art/smile_yaw-30.png"].yaw_deg == 30


def test_bad_files_stay_out_and_the_rest_goes_on_with_one_summary(art, tmp_path):
    whole = (art / "calm_yaw+00.png").read_bytes()
    (art / "cut.png").write_bytes(whole[: len(whole) // 2])
    (art / "busy.png").write_bytes(cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (80, 80, 3)))[1])
    (art / "link.png").symlink_to(tmp_path / "outside.png")
    save(tmp_path / "outside.png", draw_head())
    (art / "copy.png").write_bytes(whole)
    (art / "notes.txt").write_text("hello")
    report = build_pack(art, tmp_path / "pip", SETTINGS)
    assert len(report.pack.art) == 5
    assert [refusal.file for refusal in report.refused] == ["busy.png", "cut.png", "link.png"]
    text = "\n".join(describe_report(report))
    assert "5 drawings of 9 files" in text and "copy.png = calm_yaw+00.png: left out" in text
    assert "busy.matte.png" not in text and "NAME.matte.png" in text and "1 files that are no" in text
    assert "taken off 1 drawings" in text and "CC0-1.0, Ann" in text
    assert not (tmp_path / "pip" / "art" / "copy.png").exists()


def test_a_matte_stands_in_for_a_clean_background(tmp_path):
    head = draw_head()
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    alpha = head[..., 3:] / 255
    save(tmp_path / "art" / "a.png", np.rint(head[..., :3] * alpha + noise * (1 - alpha)).astype(np.uint8))
    save(tmp_path / "art" / "a.matte.png", head[..., 3])
    save(tmp_path / "art" / "b.png", head)
    report = build_pack(tmp_path / "art", tmp_path / "pip", SETTINGS)
    matted, plain = (read_art(tmp_path / "pip" / item.file) for item in report.pack.art)
    assert np.abs(matted[..., 3].astype(int) - plain[..., 3]).max() <= 1 and not report.refused


def test_strange_names_become_plain_and_unique(tmp_path):
    for number, name in enumerate(["A b.png", "a_b.png", "ü/ñ.png", "-x.png", "日本.png", "a+b.png"]):
        save(tmp_path / "art" / name, draw_head(turn=3 * number))
    files = [item.file for item in build_pack(tmp_path / "art", tmp_path / "pip", SETTINGS).pack.art]
    assert len({file.lower() for file in files}) == 6
    assert all(file.isascii() and " " not in file for file in files)
    assert {"art/A_b.png", "art/a_b-2.png", "art/u_n.png", "art/drawing.png", "art/a+b.png"} <= set(files)


def test_the_same_folder_gives_the_same_pack(art, tmp_path):
    first, second = (
        build_pack(art, tmp_path / name, SETTINGS, readers=Readers(Seer())).pack for name in ("one", "two")
    )
    assert first.digest == second.digest


def test_nothing_half_written_remains_when_it_is_broken_off(art, tmp_path):
    def pull_the_plug(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_pack(art, tmp_path / "pip", SETTINGS, on_progress=pull_the_plug)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["art"]


def test_no_usable_drawing_is_one_line_and_no_pack(tmp_path):
    (tmp_path / "art").mkdir()
    (tmp_path / "art" / "a.png").write_text("hello")
    with pytest.raises(PackError, match=r"none of 1 files.*a\.png"):
        build_pack(tmp_path / "art", tmp_path / "pip", SETTINGS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["art"]


def test_an_existing_pack_is_never_overwritten(art, tmp_path):
    (tmp_path / "pip").mkdir()
    build_pack(art, tmp_path / "pip", SETTINGS)
    before = (tmp_path / "pip" / "character.toml").read_bytes()
    with pytest.raises(MediaError, match="exists already"):
        build_pack(art, tmp_path / "pip", SETTINGS)
    assert (tmp_path / "pip" / "character.toml").read_bytes() == before
    with pytest.raises(MediaError, match="does not exist"):
        build_pack(art, tmp_path / "absent" / "pip", SETTINGS)


@pytest.mark.parametrize(
    ("change", "error"),
    [({"name": "Pip!"}, PackError), ({"trigger": "p1"}, PackError), ({"caption": "a cyborg"}, PackError),
     ({"caption": "toon " * 20}, PackError),
     ({"light": "purple"}, PackError), ({"canvas_wh": (8, 8)}, PackError), ({"framing": "wide"}, SettingsError),
     ({"positive_yaw": "up"}, SettingsError)],
)  # fmt: skip
def test_a_wrong_setting_is_refused_before_a_drawing_is_read(art, tmp_path, monkeypatch, change, error):
    monkeypatch.setattr("perfkit.ingest.build.place_drawings", lambda *_, **__: pytest.fail("drawings were read"))
    with pytest.raises(error) as caught:
        build_pack(art, tmp_path / "pip", IngestSettings(**({"name": "pip"} | change)))
    assert "\n" not in str(caught.value) and not (tmp_path / "pip").exists()


def test_rights_are_carried_and_missing_ones_forbid_training(art, tmp_path):
    rights = Rights(character_owner="Studio", performer="Eve", permitted_use=("train",), expires=date(2099, 1, 1))
    pack = build_pack(art, tmp_path / "pip", IngestSettings(name="pip", rights=rights)).pack
    assert load_pack(pack.folder).rights == rights
    with pytest.raises(RightsError, match=r"art/IMG_01\.png"):
        pack.require_right("train")


def test_a_table_that_labels_strangers_is_noted(art, tmp_path):
    (art / "labels.csv").write_text("file,yaw\nabsent.png,15\n")
    notes = build_pack(art, tmp_path / "pip", SETTINGS).notes
    assert len(notes) == 1 and "absent.png" in notes[0]


def test_drawings_beyond_memory_are_read_twice_and_come_out_the_same(art, tmp_path, monkeypatch):
    first = build_pack(art, tmp_path / "one", SETTINGS).pack
    monkeypatch.setattr("perfkit.ingest.place._MAX_HELD_BYTES", 0)
    assert build_pack(art, tmp_path / "two", SETTINGS).pack.digest == first.digest


def test_godette_is_taken_in_whole(godette_dir, tmp_path):
    folder = tmp_path / "art"
    folder.mkdir()
    for path in [*godette_dir.glob("neutral_*.png"), godette_dir / "aa_yaw+00.png", godette_dir / "README.md"]:
        (folder / path.name).write_bytes(path.read_bytes())
    report = build_pack(folder, tmp_path / "godette", IngestSettings(name="godette"))
    assert len(report.pack.art) == 8 and report.num_keyed == 8 and report.num_framings == 1
    assert all({"angle", "expression"} <= set(item.sources) for item in report.pack.art)
    assert {item.yaw_deg for item in report.pack.art} == {-90, -60, -30, 0, 30, 60, 90}
    assert not report.refused and not report.notes
