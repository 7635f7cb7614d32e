"""Gains and mutes: every region alone, all together, and nothing where nothing is asked."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_performer import act, perform

from perfkit.cli.options import read_retarget
from perfkit.errors import PackError, SettingsError
from perfkit.gains import REGIONS, scale_head, scale_weights, shape_channels
from perfkit.proportions import Channel, Rig
from perfkit.retarget import RetargetSettings, gain_field, retarget
from perfkit.rig import HUMAN_RIG, rest_head
from perfkit.vocabulary import BLENDSHAPES, CONTOUR_SLICES

NAMES = {"mouth": "jawOpen", "brows": "browInnerUp", "eyes": "eyeBlinkLeft", "gaze": "eyeLookUpLeft"}
CONTOURS = {"mouth": "outer_lips", "brows": "left_brow", "eyes": "left_eye"}


@pytest.fixture(scope="module")
def take():
    return perform(HUMAN_RIG, *act(96))


@pytest.fixture(scope="module")
def track(take):
    return retarget(take, HUMAN_RIG)


def columns_of(*prefixes: str) -> list[int]:
    return [index for index, name in enumerate(BLENDSHAPES) if name.startswith(prefixes)]


def test_every_blendshape_follows_one_region():
    ones = np.full((1, len(BLENDSHAPES)), 0.5, np.float32)
    muted = [scale_weights(ones, {region: 0.0})[0] == 0 for region in NAMES]
    assert (np.sum(muted, axis=0) == 1).all()


@pytest.mark.parametrize("region", NAMES)
def test_a_gain_scales_its_own_region_and_no_other(region):
    weights = np.random.default_rng(0).uniform(0, 0.4, (5, len(BLENDSHAPES))).astype(np.float32)
    scaled = scale_weights(weights, {region: 2.0})
    column = BLENDSHAPES.index(NAMES[region])
    assert np.allclose(scaled[:, column], 2 * weights[:, column])
    others = [BLENDSHAPES.index(name) for other, name in NAMES.items() if other != region]
    assert np.array_equal(scaled[:, others], weights[:, others])


def test_weights_stay_between_0_and_1_and_gains_combine():
    weights = np.full((2, len(BLENDSHAPES)), 0.5, np.float32)
    scaled = scale_weights(weights, {"mouth": 3.0, "brows": 0.0}, expressiveness=0.5)
    assert scaled.max() <= 1 and scaled.dtype == np.float32
    assert (scaled[:, columns_of("brow")] == 0).all()
    assert np.allclose(scaled[:, columns_of("jawOpen")], 0.75)


def test_expressiveness_leaves_blinks_and_gaze():
    weights = np.full((2, len(BLENDSHAPES)), 0.5, np.float32)
    scaled = scale_weights(weights, {}, expressiveness=0.0)
    kept = columns_of("eyeBlink", "eyeLook")
    assert (scaled[:, kept] == 0.5).all() and scaled.sum() == 0.5 * 2 * len(kept)


def test_gains_of_1_change_no_bit(take, track):
    settings = RetargetSettings(**{gain_field(region): 1.0 for region in REGIONS}, expressiveness=1.0)
    same = retarget(take, HUMAN_RIG, settings=settings)
    assert np.array_equal(same.face, track.face) and np.array_equal(same.weights, track.weights)


def test_a_muted_head_rests_while_the_face_acts(take, track):
    muted = retarget(take, HUMAN_RIG, settings=RetargetSettings(head_gain=0.0))
    assert np.allclose(muted.head, rest_head(HUMAN_RIG, (256, 256)), atol=1e-3)
    assert np.array_equal(muted.weights, track.weights)
    assert np.ptp(muted.face[:, CONTOUR_SLICES["outer_lips"]], axis=0).max() > 1


@pytest.mark.parametrize("region", ["mouth", "brows", "eyes"])
def test_a_muted_region_stands_still_under_a_muted_head(take, region):
    settings = RetargetSettings(head_gain=0.0)
    rows = CONTOUR_SLICES[CONTOURS[region]]
    acting = np.ptp(retarget(take, HUMAN_RIG, settings=settings).face[:, rows], axis=0).max()
    settings = replace(settings, **{gain_field(region): 0.0})
    still = np.ptp(retarget(take, HUMAN_RIG, settings=settings).face[:, rows], axis=0).max()
    assert still < 0.35 * acting


def test_a_heads_gain_scales_turn_way_and_size():
    rest = np.array([0, 0, 0, 128, 140, 50.0])
    head = np.array([[10, -4, 2, 138, 130, 60.0]])
    assert np.allclose(scale_head(head, rest, 2.0), [[20, -8, 4, 148, 120, 72]])
    assert scale_head(head, rest, 1.0) is head


def test_the_options_become_settings():
    assert read_retarget() is None
    settings = read_retarget(gain="mouth=1.2,brows=0.8", mute="head, gaze", expressiveness=1.5)
    assert settings == RetargetSettings(mouth_gain=1.2, brows_gain=0.8, head_gain=0, gaze_gain=0, expressiveness=1.5)


@pytest.mark.parametrize(
    ("gain", "mute", "message"),
    [
        ("nose=2", None, "no such region"),
        ("mouth", None, "REGION=NUMBER"),
        ("mouth=loud", None, "REGION=NUMBER"),
        ("mouth=2", "mouth", "named twice"),
        (None, "hair", "no such region"),
        ("mouth=9", None, "expected 0 to 4"),
    ],
)
def test_options_that_make_no_sense_are_refused(gain, mute, message):
    with pytest.raises(SettingsError, match=message):
        read_retarget(gain=gain, mute=mute)


def test_a_character_answers_in_its_own_way():
    weights = np.full((3, len(BLENDSHAPES)), 0.25, np.float32)
    shaped = shape_channels(weights, (Channel("jawOpen", 2.0, 1.0), Channel("mouthSmile", 1.0, 0.5)))
    changed = columns_of("jawOpen", "mouthSmile")
    assert np.allclose(shaped[:, changed], 0.5)
    others = [index for index in range(len(BLENDSHAPES)) if index not in changed]
    assert np.array_equal(shaped[:, others], weights[:, others])
    assert (shape_channels(weights, (Channel("eyeBlinkLeft", 4.0),))[:, columns_of("eyeBlinkRight")] == 0.25).all()
    assert shape_channels(weights, ()) is weights


def test_channels_of_the_rig_are_in_the_retargeted_track(take, track):
    loud = retarget(take, replace(HUMAN_RIG, channels=(Channel("jawOpen", 1.5), Channel("browDown", 0.0))))
    jaw = BLENDSHAPES.index("jawOpen")
    assert np.allclose(loud.weights[:, jaw], np.clip(1.5 * track.weights[:, jaw], 0, 1), atol=1e-6)
    assert (loud.weights[:, columns_of("browDown")] == 0).all() and track.weights[:, columns_of("browDown")].any()
    assert loud.rig_digest != track.rig_digest


@pytest.mark.parametrize(
    ("channels", "reason"),
    [
        ({"jaw": {"gain": 1}}, "'jaw' is no blendshape"),
        ({"jawOpen": {"gain": -1}}, "gain = -1"),
        ({"jawOpen": {"gain": "x"}}, "gain = 'x'"),
        ({"jawOpen": {"curve": 0}}, "curve = 0"),
        ({"jawOpen": {"slope": 1}}, "unknown keys"),
        ({"jawOpen": 2}, "expected a table"),
    ],
)
def test_channels_that_cannot_be_are_refused(channels, reason):
    with pytest.raises(PackError, match=reason):
        Rig.from_dict({"channels": channels})


def test_channels_survive_the_manifest():
    rig = replace(HUMAN_RIG, channels=(Channel("jawOpen", 1.5, 0.8), Channel("mouthSmile", 0.5)))
    assert Rig.from_dict(rig.to_dict()) == rig and "channels" not in HUMAN_RIG.to_dict()
