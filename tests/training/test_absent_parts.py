"""A character with one eye, a beak or no brows: declared at its making, and true to the last control picture."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_performer import act, perform

from perfkit.control import NANO_COLOURS, draw_control
from perfkit.coverage import measure_coverage, require_minimum
from perfkit.errors import SettingsError
from perfkit.ingest import IngestSettings, Readers, build_pack
from perfkit.ingest.place import write_art
from perfkit.pack import load_pack
from perfkit.retarget import retarget
from perfkit.rig import HUMAN_RIG, rest_head
from perfkit.training.acceptance import AcceptanceOptions, evaluate_character
from perfkit.training.dataset import Placing, iterate_placed
from perfkit.training.landmark_net import LandmarkNet
from perfkit.training.landmark_net.network import LandmarkNetwork
from perfkit.training.lora import LoraSettings, TrainOptions, train_character
from perfkit.training.puppet import draw_pose, pose_performance, sample_character, sample_light, sample_performance
from perfkit.vocabulary import BLENDSHAPE_INDEX, HEAD_CHANNELS

KINDS = {
    "one eye": frozenset({"left_eye", "left_brow"}),
    "a beak": frozenset({"nose"}),
    "no brows": frozenset({"left_brow", "right_brow"}),
}
FACES = {"calm": {}, "talk": {"jawOpen": 0.6}, "blink": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}}
PLACING = Placing((256, 256), "nano")
COLOURS_OF = {"left_eye": ("left_eye", "left_opening"), "nose": ("nose_bridge", "nose_base")}


def draw_character(folder, absent: frozenset[str]) -> None:
    """Write nine drawings of a puppet that lacks parts: three turns of three faces, named by what they show."""
    puppet = sample_character(5)
    puppet = replace(puppet, rig=replace(puppet.rig, absent=absent))
    rng = np.random.default_rng(0)
    performance, light = sample_performance(rng), sample_light(rng)
    folder.mkdir()
    for face, weights in FACES.items():
        row = np.zeros(52, np.float32)
        for name, weight in weights.items():
            row[BLENDSHAPE_INDEX[name]] = weight
        for yaw_deg in (-30, 0, 30):
            head = rest_head(puppet.rig, (256, 256))
            head[HEAD_CHANNELS.index("yaw_deg")] = yaw_deg
            pose = pose_performance(puppet.rig, replace(performance, weights=row))
            drawing = draw_pose(puppet, replace(pose, head=head), light)
            write_art(folder / f"{face}_yaw{yaw_deg:+03d}.png", drawing.rgba)


def share_of(image_rgb: np.ndarray, colour: tuple[int, int, int]) -> int:
    """Return how many pixels have about a colour."""
    return int((np.abs(image_rgb.astype(int) - colour).max(axis=-1) < 12).sum())


def colours_of(parts: frozenset[str]) -> list[str]:
    return [colour for part in parts for colour in COLOURS_OF.get(part, (part,))]


@pytest.fixture(scope="module", params=KINDS)
def made(request, tmp_path_factory):
    """Of each kind: what it lacks, and its pack."""
    folder, absent = tmp_path_factory.mktemp("absent"), KINDS[request.param]
    draw_character(folder / "art", absent)
    settings = IngestSettings(name="zib", licence="CC0-1.0", owner="us", absent=absent)
    return absent, build_pack(folder / "art", folder / "zib", settings, readers=Readers(LandmarkNet.load())).pack


def test_a_character_that_lacks_parts_is_made_covered_and_performs(made):
    absent, pack = made
    assert pack.rig.absent == absent | {"body"} and load_pack(pack.folder).rig == pack.rig
    require_minimum(measure_coverage(pack), where="zib")
    track = retarget(perform(HUMAN_RIG, *act(12)), load_pack(pack.folder).rig)
    controls = [*(placed.control for placed in iterate_placed(pack, PLACING)), next(draw_control(track)).image_rgb]
    for control in controls:
        assert all(share_of(control, NANO_COLOURS[name]) == 0 for name in colours_of(absent)), absent
        assert share_of(control, NANO_COLOURS["outer_lips"]) > 5
    assert share_of(controls[-1], NANO_COLOURS["right_opening"]) > 5


@pytest.mark.slow
def test_a_character_that_lacks_parts_is_trained_and_judged(made, tiny_base, tmp_path):
    _, pack = made
    train_character(pack, LoraSettings(steps=1, rank=1, num_priors=0), TrainOptions(base_folder=tiny_base))
    options = AcceptanceOptions(base_folder=tiny_base, net=LandmarkNet(LandmarkNetwork()))
    verdict, page = evaluate_character(pack.folder, tmp_path / "out", options)
    assert page.is_file() and np.isfinite(verdict.psnr_db) and np.isfinite(verdict.landmark_error)


def test_a_part_that_does_not_exist_cannot_be_absent():
    with pytest.raises(SettingsError, match="beak: expected parts of"):
        IngestSettings(name="zib", absent=frozenset({"beak"}))


def test_parts_declared_absent_later_are_gone_from_training_too(tmp_path):
    draw_character(tmp_path / "art", frozenset())
    pack = build_pack(
        tmp_path / "art", tmp_path / "zib", IngestSettings(name="zib"), readers=Readers(LandmarkNet.load())
    ).pack
    blind = replace(pack, rig=replace(pack.rig, absent=frozenset({"left_eye"})))
    for who, is_seen in ((pack, True), (blind, False)):
        seen = sum(share_of(each.control, NANO_COLOURS["left_opening"]) for each in iterate_placed(who, PLACING))
        assert (seen > 20) == is_seen
