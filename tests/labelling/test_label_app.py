"""The addresses behind the page, over a real server: what they answer, what they refuse, always in one line."""

import contextlib
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from label_client import Client, Seer

from perfkit.labelling import needs_reader
from perfkit.labelling.label_app import MAX_BODY_BYTES
from perfkit.labelling.saving import points_table
from perfkit.pack import find_pack_folder, list_character_names, load_pack, write_manifest
from perfkit.rig import HUMAN_RIG, face_points, pose_face

FIRST = "art/00.png"


def test_the_page_gets_every_drawing_with_its_labels_and_contours(serve, small_pack):
    client = Client(serve(small_pack))
    status, shown = client.ask_json("GET", "/api/pack")
    pack = load_pack(small_pack)
    assert status == 200 and shown["digest"] == pack.digest and shown["read_only"] == ""
    assert [row["file"] for row in shown["drawings"]] == [item.file for item in pack.art]
    row, item = shown["drawings"][2], pack.art[2]
    assert row["angle"] == [item.yaw_deg, item.pitch_deg, item.roll_deg] and row["weights"] == dict(item.weights)
    sent = np.array([point for contour in shown["contours"] for point in row["points"][contour["name"]]])
    landmarks = pack.load_landmarks()
    assert np.allclose(sent[:, :2], landmarks.face[2], atol=0.01)
    status, headers, picture = client.ask("GET", f"/art/{item.sha256}")
    assert picture == (small_pack / item.file).read_bytes() and headers["content-type"] == "image/png"
    assert "immutable" in headers["cache-control"]


def test_every_file_of_the_page_is_served_and_none_reaches_elsewhere(serve, small_pack):
    client = Client(serve(small_pack))
    status, headers, page = client.ask("GET", "/")
    assert status == 200 and headers["content-type"].startswith("text/html")
    assert b"http://" not in page and b"https://" not in page
    for name in ("main.js", "store.js", "stage.js", "panel.js", "grid.js", "head.js", "shapes.js", "dom.js", "api.js"):
        status, headers, content = client.ask("GET", f"/page/{name}")
        assert status == 200 and "javascript" in headers["content-type"], name
        assert b"https://" not in content and b"innerHTML" not in content, name
    assert client.ask("GET", "/page/label.css")[0] == 200
    assert client.ask("GET", "/page/nothing.js")[0] == 404


def test_saved_is_saved_and_a_second_tab_hears_of_it(serve, small_pack):
    client = Client(serve(small_pack))
    seen = client.ask_json("GET", "/api/digest")[1]["digest"]
    edits = {"digest": seen, "labels": {FIRST: {"yaw": 44, "pitch": 0, "roll": 0}}}
    status, saved = client.ask_json("POST", "/api/save", edits)
    assert status == 200 and saved["drawings"][0]["angle"] == [44, 0, 0]
    assert saved["digest"] == load_pack(small_pack).digest
    status, refused = client.ask_json("POST", "/api/save", edits)
    assert status == 409 and "changed by another tab" in refused["line"] and "\n" not in refused["line"]


def test_guesses_come_with_how_sure_they_are_and_why_to_look(serve, small_pack):
    client = Client(serve(small_pack, reader=Seer()))
    status, readings = client.ask_json("POST", "/api/guess", {"files": [FIRST, "art/03.png"]})
    assert status == 200 and set(readings) == {FIRST, "art/03.png"}
    assert readings[FIRST]["confidence"] == 0.7 and readings[FIRST]["is_believed"] and readings[FIRST]["doubts"] == []
    shown = client.ask_json(
        "POST", "/api/save", {"digest": load_pack(small_pack).digest, "forget": {FIRST: ["points"]}}
    )
    assert shown[1]["drawings"][0]["points"] is None
    readings = client.ask_json("POST", "/api/guess", {"files": [FIRST]})[1]
    assert readings[FIRST]["doubts"] == ["no contours yet"] and len(readings[FIRST]["points"]["face_oval"]) == 36


def test_contours_are_read_and_fresh_ones_placed(serve, small_pack):
    client = Client(serve(small_pack))
    weights = np.zeros(52)
    points, visibility = pose_face(face_points(HUMAN_RIG, weights), np.array([25, 0, 0, 128, 120, 60]))
    table = {"file": FIRST, "points": points_table(points, visibility)}
    status, read = client.ask_json("POST", "/api/read", table)
    assert status == 200 and abs(read["angle"][0] - 25) < 6
    status, placed = client.ask_json("POST", "/api/place", {"angle": [25, 0, 0], "weights": {"jawOpen": 1}})
    mouth = np.array(placed["points"]["inner_lips"])
    assert status == 200 and mouth[5, 1] - mouth[15, 1] > 10
    read = client.ask_json("POST", "/api/read", {"file": FIRST, "points": placed["points"]})[1]
    assert abs(read["angle"][0] - 25) < 6 and read["weights"]["jawOpen"] > 0.5


def test_what_cannot_be_is_refused_in_one_line(serve, small_pack):
    client = Client(serve(small_pack))
    digest = load_pack(small_pack).digest
    for path, table, word in (
        ("/api/save", {"digest": digest, "labels": {FIRST: {"yaw": 999}}}, "yaw is 999"),
        ("/api/save", {"labels": {}}, "digest is missing"),
        ("/api/save", b"{", "not JSON"),
        ("/api/save", b"[" * 100_000, "not JSON"),
        ("/api/save", b"[]", "expected a table"),
        ("/api/save", b" " * (MAX_BODY_BYTES + 1), "16 MiB"),
        ("/api/guess", {"files": [FIRST] * 17}, "at most 16"),
        ("/api/guess", {"files": ["../character.toml"]}, "no drawing of"),
        ("/api/guess", {"files": 3}, "list of files"),
        ("/api/read", {"file": FIRST, "points": None}, "points"),
        ("/api/place", {"angle": ["x", 0, 0], "weights": {}}, "yaw"),
        ("/api/place", {"angle": None, "weights": 3}, "weights"),
    ):
        status, refused = client.ask_json("POST", path, table)
        assert status == 400 and word in refused["line"] and "\n" not in refused["line"], (path, refused)
    assert client.ask_json("GET", f"/art/{'0' * 64}")[0] == 400
    assert load_pack(small_pack).digest == digest


def test_a_pack_that_breaks_on_the_disk_is_told_in_one_line(serve, small_pack):
    client = Client(serve(small_pack))
    sha256 = load_pack(small_pack).art[0].sha256
    assert client.ask("GET", f"/art/{sha256}")[0] == 200
    (small_pack / FIRST).write_bytes(b"gone")
    for path in ("/api/pack", f"/art/{sha256}"):
        status, refused = client.ask_json("GET", path)
        assert status == 400 and "restore the file" in refused["line"]


def test_a_pack_that_may_not_be_written_says_so_and_stays(serve, small_pack):
    client = Client(serve(small_pack, read_only="shown only; label a copy"))
    shown = client.ask_json("GET", "/api/pack")[1]
    assert shown["read_only"] == "shown only; label a copy"
    status, refused = client.ask_json("POST", "/api/save", {"digest": shown["digest"], "absent": []})
    assert (status, refused["line"]) == (403, "shown only; label a copy")


def test_the_network_is_asked_only_where_somebody_could_not_say(small_pack):
    from dataclasses import replace

    pack = load_pack(small_pack)
    assert not needs_reader(pack)
    guessed = replace(pack.art[0], sources={**pack.art[0].sources, "points": "landmark net"})
    assert needs_reader(write_manifest(replace(pack, art=(guessed, *pack.art[1:]))))


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_the_verb_prints_its_address_and_ctrl_c_ends_it_within_two_seconds():
    name = list_character_names()[0]
    before = (find_pack_folder(name) / "character.toml").read_bytes()
    command = [sys.executable, "-c", "from perfkit.cli import main; main()", "character", "label", name, "--no-browser"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as label, contextlib.ExitStack() as stack:
        stack.callback(label.kill)
        assert label.stdout is not None and label.stderr is not None
        address = label.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:") and "token=" in address
        started = time.perf_counter()
        label.send_signal(signal.SIGINT)
        assert label.wait(timeout=20) == 130
        assert time.perf_counter() - started < 2
        assert label.stderr.read() == ""
    assert (find_pack_folder(name) / "character.toml").read_bytes() == before


def test_wrong_arguments_of_the_verb_are_told(run, small_pack):
    outcome = run("character", "label", "nobody", "--no-browser")
    assert outcome.code == 1 and "neither a known name" in outcome.err and outcome.err.count("\n") == 1
    assert run("character", "label", small_pack, "--port", "99999").code == 2
    (small_pack / "character.toml").write_text(json.dumps({}))
    assert run("character", "label", small_pack, "--no-browser").code == 1
