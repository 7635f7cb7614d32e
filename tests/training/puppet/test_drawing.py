"""Drawings: same seed same bytes, painted on the landmarks that they return, at every angle, for every family."""

from dataclasses import replace

import numpy as np
import pytest

from perfkit.control import draw_control_frame
from perfkit.rig import rest_limbs
from perfkit.training.puppet import (
    EXTRAS,
    FAMILIES,
    NEUTRAL,
    OPTIONS,
    Drawing,
    Light,
    Look,
    Performance,
    Puppet,
    draw,
    sample_character,
    sample_light,
    sample_performance,
)
from perfkit.training.puppet.texture import draw_texture
from perfkit.vocabulary import BLENDSHAPE_INDEX, CONTOUR_SLICES, POSE_INDEX

BARE = Look(family="anime", style="flat", line="lineless", hair="bald", eyes="anime", nose="tick", ears="none")


def _act(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, **strengths: float) -> Performance:
    weights = np.zeros(len(BLENDSHAPE_INDEX), np.float32)
    for name, strength in strengths.items():
        names = [name] if name in BLENDSHAPE_INDEX else [f"{name}Left", f"{name}Right"]
        weights[[BLENDSHAPE_INDEX[each] for each in names]] = strength
    return Performance(weights, np.array([yaw, pitch, roll, 0, 0, 1], np.float32), rest_limbs())


def _colour_at(drawing: Drawing, point: np.ndarray) -> np.ndarray:
    x, y = np.floor(point).astype(int)
    return drawing.rgba[y, x].astype(int)


def _sample(seed: int, size: int = 256) -> Drawing:
    rng = np.random.default_rng(seed)
    return draw(sample_character(seed), sample_performance(rng), sample_light(rng), size=size)


def test_same_seed_same_bytes():
    for seed in range(6):
        first, second = _sample(seed), _sample(seed)
        assert first.rgba.tobytes() == second.rgba.tobytes()
        assert first.face.tobytes() == second.face.tobytes()


def test_areas_that_skia_fails_to_unite_are_drawn_all_the_same():
    rng = np.random.default_rng([0, 5811])
    puppet = sample_character(int(rng.integers(900_000_000)))
    assert draw(puppet, sample_performance(rng), sample_light(rng), size=256).rgba[..., 3].any()


def test_different_seeds_differ():
    assert len({_sample(seed, 64).rgba.tobytes() for seed in range(12)}) == 12


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_draws_at_every_extreme(family):
    for seed, (yaw, pitch, roll) in enumerate([(75, 35, 30), (-75, -35, -30), (75, -35, 0), (0, 35, 30), (-40, 0, 0)]):
        act = _act(yaw, pitch, roll, jawOpen=1, eyeWide=1, browDown=1, mouthSmile=seed % 2, cheekPuff=1, tongueOut=1)
        drawing = draw(sample_character(seed, family), act, Light("right", "gentle"), size=128)
        assert drawing.rgba.shape == (128, 128, 4) and drawing.rgba.dtype == np.uint8
        covered = (drawing.rgba[..., 3] > 250).mean()
        assert 0.1 < covered < 0.95
        assert np.isfinite(drawing.face).all() and 0 <= drawing.visibility.min() <= drawing.visibility.max() <= 1


@pytest.mark.parametrize("slot", [name for name in OPTIONS if name not in ("skin", "family")])
def test_every_option_draws(slot):
    look = Look(hair="bob", hat="cap", beard="full", glasses="round", clothes="sweater")
    for word in OPTIONS[slot]:
        drawing = draw(
            Puppet(sample_character(1, "toon").rig, replace(look, **{slot: word})), _act(20), Light(), size=96
        )
        assert drawing.rgba[..., 3].max() == 255


def test_background_is_transparent_and_the_face_opaque():
    drawing = draw(sample_character(3, "person"), NEUTRAL, Light())
    assert drawing.rgba[0, 0, 3] == 0 and drawing.rgba[2, 250, 3] == 0
    inside = drawing.face[CONTOUR_SLICES["nose_bridge"]]
    assert all(_colour_at(drawing, point)[3] == 255 for point in inside)


def test_irises_lips_and_brows_lie_where_the_landmarks_say():
    for seed, yaw in ((1, 0), (2, 25), (3, -25)):
        puppet = Puppet(sample_character(seed, "anime").rig, replace(BARE, hair_colour="blue"))
        drawing = draw(puppet, _act(yaw, jawOpen=0.8), Light("front"))
        skin = _colour_at(drawing, drawing.face[CONTOUR_SLICES["nose_bridge"]][1])
        for side in ("left", "right"):
            assert _colour_at(drawing, drawing.face[CONTOUR_SLICES[f"{side}_iris"]][0])[:3].max() < 60
            brow = _colour_at(drawing, drawing.face[CONTOUR_SLICES[f"{side}_brow"]][[2, 7]].mean(axis=0))
            assert brow[2] > brow[0] + 30
        mouth = _colour_at(drawing, drawing.face[CONTOUR_SLICES["inner_lips"]][[5, 15]].mean(axis=0))
        assert np.abs(mouth - skin).max() > 60


def test_the_heads_edge_is_the_face_oval():
    drawing = draw(Puppet(sample_character(4, "toon").rig, BARE), NEUTRAL, Light())
    oval = drawing.face[CONTOUR_SLICES["face_oval"]]
    middle = oval.mean(axis=0)
    for row in (7, 8, 9, 10, 26, 27, 28, 29):
        assert _colour_at(drawing, middle + 0.97 * (oval[row] - middle))[3] == 255
        assert _colour_at(drawing, middle + 1.06 * (oval[row] - middle))[3] == 0


def test_blink_covers_huge_eyes():
    puppet = Puppet(sample_character(5, "chibi").rig, BARE)
    opened, closed = (draw(puppet, _act(eyeBlink=shut), Light("front")) for shut in (0.0, 1.0))
    rows = CONTOUR_SLICES["left_eye"]
    low, high = np.floor(opened.face[rows].min(axis=0)).astype(int), np.ceil(opened.face[rows].max(axis=0)).astype(int)
    box = np.s_[low[1] : high[1], low[0] : high[0], :3]
    assert (opened.rgba[box].min(axis=-1) > 230).sum() > 40
    assert (closed.rgba[box].min(axis=-1) > 230).sum() == 0


def test_one_eye_winks_alone():
    puppet = Puppet(sample_character(5, "anime").rig, BARE)
    drawing = draw(puppet, _act(eyeBlinkLeft=1), Light("front"))
    assert _colour_at(drawing, drawing.face[CONTOUR_SLICES["right_iris"]][0])[:3].max() < 60
    assert _colour_at(drawing, drawing.face[CONTOUR_SLICES["left_iris"]][0] - (0, 6))[:3].max() > 100


def test_far_eye_is_hidden_in_profile():
    puppet = Puppet(sample_character(6, "person").rig, replace(BARE, eye_colour="red", eyes="real", nose="real"))
    both, one = (draw(puppet, _act(yaw), Light("front")).rgba.astype(int) for yaw in (0, 75))
    dark = [(picture[..., :3].max(axis=-1) < 60) & (picture[..., 3] > 200) for picture in (both, one)]
    assert 0 < dark[1].sum() < 0.75 * dark[0].sum()


def test_light_from_the_left_lights_the_left():
    puppet = Puppet(sample_character(7, "toon").rig, replace(BARE, style="soft"))
    for side, sign in (("left", 1), ("right", -1)):
        rgba = draw(puppet, NEUTRAL, Light(side, "hard")).rgba[60:150].astype(float)
        opaque = rgba[..., 3] == 255
        columns = np.arange(256) < 128
        assert sign * (rgba[opaque & columns][:, 0].mean() - rgba[opaque & ~columns][:, 0].mean()) > 5


def test_absent_parts_are_neither_drawn_nor_visible():
    rig = replace(sample_character(5, "anime").rig, absent=frozenset({"left_eye", "mouth"}))
    drawing = draw(Puppet(rig, BARE), NEUTRAL, Light("front"))
    assert not drawing.visibility[CONTOUR_SLICES["left_eye"]].any()
    left, right = (drawing.face[CONTOUR_SLICES[f"{side}_iris"]][0] for side in ("left", "right"))
    assert _colour_at(drawing, right)[:3].max() < 60 < _colour_at(drawing, left)[:3].max()


@pytest.mark.parametrize("extra", EXTRAS)
def test_extras_change_the_picture_and_no_landmark(extra):
    plain, changed = (
        draw(Puppet(sample_character(5, "toon").rig, BARE, names), _act(-15), Light()) for names in ((), (extra,))
    )
    assert (plain.rgba != changed.rgba).any(axis=-1).sum() > 30
    np.testing.assert_array_equal(plain.face, changed.face)


def test_no_sampled_character_has_extras():
    assert not any(sample_character(seed).extras for seed in range(50))


def test_raised_hand_is_drawn_at_its_points():
    act = _act()
    limbs = rest_limbs()
    limbs[2], limbs[4] = (0.5, 0.6, 0.3), (0.1, -1.0, 0.1)
    for row in (6, 8, 10):
        limbs[row] = (0.25 * (row - 8) * 0.5, -1.0, 0.0)
    drawing = draw(Puppet(sample_character(8, "toon").rig, BARE), replace(act, body=limbs), Light())
    knuckle = drawing.body[POSE_INDEX["left_index"], :2]
    if (knuckle > 2).all() and (knuckle < 254).all():
        assert _colour_at(drawing, knuckle)[3] == 255
    assert np.isfinite(drawing.hands[0]).all()


def test_control_picture_takes_a_drawing():
    drawing = _sample(9)
    frame = draw_control_frame(drawing.face, drawing.visibility, body=drawing.body, hands=drawing.hands)
    assert frame.shape == (256, 256, 3) and frame.any()


def test_any_size_shows_the_same_picture():
    small, large = (draw(sample_character(2, "toon"), NEUTRAL, Light(), size=size) for size in (128, 256))
    np.testing.assert_allclose(2 * small.face, large.face, atol=1e-3)
    shrunk = large.rgba[..., 3].reshape(128, 2, 128, 2).mean(axis=(1, 3))
    assert np.abs(shrunk - small.rgba[..., 3]).mean() < 2


def test_textures_are_seeded_and_varied():
    first, again = (draw_texture(np.random.default_rng(4), 64) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert len({draw_texture(np.random.default_rng(seed), 64).tobytes() for seed in range(10)}) == 10


def test_wrong_words_are_refused():
    with pytest.raises(ValueError, match="hair = 'beehive', expected one of"):
        Look(hair="beehive")
    with pytest.raises(ValueError, match="unknown extras"):
        Puppet(sample_character(0).rig, Look(), ("tail",))
    with pytest.raises(ValueError, match="expected one of"):
        sample_character(0, "dragon")
