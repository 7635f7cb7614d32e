"""What people say of their drawings is read as they mean it, or refused in one line; nothing is guessed from noise."""

import json

import numpy as np
import pytest

from perfkit.errors import PackError
from perfkit.ingest.labels import find_common_words, label_from_name, read_sidecar
from perfkit.vocabulary import CONTOUR_SLICES, CONTOURS


@pytest.mark.parametrize(
    ("name", "angle", "expression", "light"),
    [
        ("smile_yaw+30.png", (30, 0, 0), "smile", ""),
        ("aa_yaw-90.png", (-90, 0, 0), "aa", ""),
        ("blink_yaw+00.png", (0, 0, 0), "blink", ""),
        ("aa-left45.png", (-45, 0, 0), "aa", ""),
        ("r30_happy.png", (30, 0, 0), "happy", ""),
        ("ember-happy-r45deg.png", (45, 0, 0), "happy", ""),
        ("yaw=30,pitch=-10,roll=5.png", (30, -10, 5), "", ""),
        ("yaw+30/Smile 02.PNG", (30, 0, 0), "smile", ""),
        ("profile_left_sad.png", (-90, 0, 0), "sad", ""),
        ("3q_right_angry.jpg", (45, 0, 0), "angry", ""),
        ("three-quarter left.png", (-45, 0, 0), "", ""),
        ("front.png", (0, 0, 0), "", ""),
        ("smile_left.png", (-45, 0, 0), "smile", ""),
        ("look up.png", (0, -20, 0), "", ""),
        ("eyes closed front.png", (0, 0, 0), "eyesclosed", ""),
        ("open_mouth_l15.png", (-15, 0, 0), "openmouth", ""),
        ("sad_front_hard_leftlight.png", (0, 0, 0), "sad", "hard leftlight"),
        ("smile_lit_left.png", None, "smile", "gentle leftlight"),
        ("light_left_smile_left30.png", (-30, 0, 0), "smile", "gentle leftlight"),
        ("neutral.png", None, "neutral", ""),
        ("IMG_0231.png", None, "", ""),
        ("right hand.png", None, "", ""),
        ("happy_left_eye.png", None, "happy", ""),
        ("close up.png", None, "", ""),
        ("mouth_closed.png", None, "", ""),
        ("yaw400.png", None, "", ""),
    ],
)
def test_names_say_what_their_makers_meant(name, angle, expression, light):
    label = label_from_name(name)
    assert (label.angle_deg, label.expression, label.light) == (angle, expression, light)


def test_the_characters_own_name_is_no_obstacle():
    files = ["pirate_left.png", "pirate_right.png", "pirate_front_sad.png"]
    common = find_common_words(files)
    assert common == {"pirate"}
    assert [label_from_name(file, common_words=common).angle_deg for file in files] == [
        (-45, 0, 0), (45, 0, 0), (0, 0, 0)
    ]  # fmt: skip


def test_yaw_may_count_to_the_left_but_words_are_sides_of_the_picture():
    assert label_from_name("a_yaw30.png", yaw_sign=-1).angle_deg == (-30, 0, 0)
    assert label_from_name("a_left30.png", yaw_sign=-1).angle_deg == (-30, 0, 0)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_table_is_read_whatever_its_delimiter(tmp_path, delimiter):
    rows = [
        ["file", "yaw", "expression", "light", "jawOpen", "owner"],
        ["a.png", "-30", "smile", "hard left", "", "Ann"],
        ["sub/b.png", "", "", "", "0.4", ""],
        ["", "", "", "", "", ""],
    ]
    text = "\ufeff" + "\r\n".join(delimiter.join(row) for row in rows)
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    labels = read_sidecar(tmp_path).labels
    assert list(labels) == ["a.png", "sub/b.png"]
    first, second = labels.values()
    assert (first.angle_deg, first.expression, first.light) == ((-30, 0, 0), "smile", "hard leftlight")
    assert (first.owner, first.weights, second.weights, second.angle_deg) == ("Ann", None, {"jawOpen": 0.4}, None)
    assert read_sidecar(tmp_path, yaw_sign=-1).labels["a.png"].angle_deg == (30, 0, 0)


def test_json_carries_weights_and_points(tmp_path):
    eye = [[float(x), 50.0] for x in range(16)]
    lips = [[10.0, 20.0], None, [30.0, 40.0, 0.25], *[[30.0, 40.0]] * 17]
    row = {"pitch": 12, "weights": {"jawOpen": 0.5, "mouthClose": 0}, "points": {"left_eye": eye, "outer_lips": lips}}
    (tmp_path / "labels.json").write_text(json.dumps({"a.png": row}))
    label = read_sidecar(tmp_path).labels["a.png"]
    assert label.angle_deg == (0, 12, 0) and label.weights == {"jawOpen": 0.5}
    assert label.points is not None
    assert np.array_equal(label.points[CONTOUR_SLICES["left_eye"], :2], eye)
    lip_rows = label.points[CONTOUR_SLICES["outer_lips"]]
    assert lip_rows[:4, 2].tolist() == [1, 0, 0.25, 1]
    assert (label.points[CONTOUR_SLICES["face_oval"], 2] == 0).all() and np.isfinite(label.points).all()


def test_no_table_says_nothing(tmp_path):
    sidecar = read_sidecar(tmp_path)
    assert sidecar.path is None and not sidecar.labels


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "file"),
        ("name,yaw\na.png,3\n", "name"),
        ("file,yaw,yaw\na.png,3,3\n", "each once"),
        ("file,jawOpne\na.png,1\n", "jawOpne"),
        ("file,yaw\na.png\n", "row 2"),
        ("file,yaw\na.png,1\na.png,2\n", "row 3"),
        ("file,yaw\na.png,left\n", "yaw"),
        ("file,yaw\na.png,181\n", "180"),
        ("file,yaw\na.png,nan\n", "nan"),
        ("file,light\na.png,purple\n", "light"),
        ("file,jawOpen\na.png,-0.1\n", "jawOpen"),
        ('file,yaw\n"a.png,3\n', "CSV"),
    ],
)
def test_a_broken_csv_is_refused_in_one_line(tmp_path, text, words):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(PackError) as caught:
        read_sidecar(tmp_path)
    assert words in str(caught.value) and "labels.csv" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "table",
    [[], {"a.png": 3}, {"a.png": {"yav": 3}}, {"a.png": {"yaw": True}}, {"a.png": {"yaw": 10**400}},
     {"a.png": {"weights": {"x": 1}}}, {"a.png": {"weights": {"jawOpen": 2}}}, {"a.png": {"expression": 5}},
     {"a.png": {"points": {"beak": []}}}, {"a.png": {"points": {"left_eye": [[1, 2]]}}},
     {"a.png": {"points": {"left_iris": [None] * len(CONTOURS["left_iris"])}}},
     {"a.png": {"points": {"left_iris": [[1, 2, 3]] * len(CONTOURS["left_iris"])}}}],
)  # fmt: skip
def test_a_broken_json_is_refused_in_one_line(tmp_path, table):
    (tmp_path / "labels.json").write_text(json.dumps(table))
    with pytest.raises(PackError) as caught:
        read_sidecar(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_bytes_that_are_no_json_are_refused(tmp_path, content):
    (tmp_path / "labels.json").write_bytes(content)
    with pytest.raises(PackError):
        read_sidecar(tmp_path)


def test_two_tables_are_one_too_many(tmp_path):
    for name in ("labels.csv", "labels.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(PackError, match="keep one"):
        read_sidecar(tmp_path)


def test_a_table_that_is_a_link_out_is_not_read(tmp_path):
    outside = tmp_path / "outside.csv"
    outside.write_text("file,yaw\na.png,3\n")
    (tmp_path / "art").mkdir()
    (tmp_path / "art" / "labels.csv").symlink_to(outside)
    with pytest.raises(PackError, match="leads out"):
        read_sidecar(tmp_path / "art")
