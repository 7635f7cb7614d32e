"""Tracker files: the digest decides, an absent one names the command, fetching twice does nothing."""

import hashlib
import importlib.util
import sys
from pathlib import Path

import pytest

from perfkit import models
from perfkit.errors import CaptureError

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"


@pytest.fixture
def fetch_files(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location("fetch_files", SCRIPTS / "fetch_files.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "fetch_files", module)
    return module


@pytest.fixture
def only_here(tmp_path, monkeypatch):
    """Only tmp_path holds tracker files, and the face is the three bytes `abc`."""
    sha256 = hashlib.sha256(b"abc").hexdigest()
    face = models.TrackerFile(name="face", filename="face.task", sha256=sha256, is_required=True)
    monkeypatch.setattr(models, "TRACKER_FILES", {"face": face})
    monkeypatch.setattr(models, "model_folders", lambda: [tmp_path / "first", tmp_path])
    return tmp_path


def test_an_absent_file_names_the_command_in_one_line(only_here):
    assert models.find_model("face") is None
    with pytest.raises(CaptureError) as error:
        models.require_model("face")
    assert models.FETCH_COMMAND in str(error.value) and "\n" not in str(error.value)


def test_the_first_folder_that_has_it_wins(only_here):
    (only_here / "face.task").write_bytes(b"abc")
    assert models.require_model("face") == only_here / "face.task"
    (only_here / "first").mkdir()
    (only_here / "first" / "face.task").write_bytes(b"abc")
    assert models.require_model("face") == only_here / "first" / "face.task"


def test_another_file_of_that_name_is_refused(only_here):
    (only_here / "face.task").write_bytes(b"abd")
    with pytest.raises(CaptureError, match="SHA-256"):
        models.require_model("face")


def test_the_chosen_folder_comes_first(monkeypatch, tmp_path):
    monkeypatch.setenv("PERFKIT_MODELS", str(tmp_path))
    assert models.model_folders()[0] == tmp_path
    monkeypatch.delenv("PERFKIT_MODELS")
    assert tmp_path not in models.model_folders()


def test_fetching_tries_the_sources_in_turn_and_the_digest_decides(fetch_files, tmp_path, capsys):
    asked = []

    def absent():
        asked.append("absent")
        raise fetch_files.FetchError("no such host")

    def wrong():
        asked.append("wrong")
        return b"something else"

    def right():
        asked.append("right")
        return b"abc"

    target, sha256 = tmp_path / "new" / "file", hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(SystemExit, match="no such host; got SHA-256"):
        fetch_files.fetch_file(target, sha256, [absent, wrong])
    assert not target.exists()
    for _ in range(2):
        fetch_files.fetch_file(target, sha256, [absent, wrong, right])
    assert target.read_bytes() == b"abc"
    assert asked == ["absent", "wrong", "absent", "wrong", "right"]
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_blocked_address_answers_soon(fetch_files, monkeypatch):
    def refuse(address, timeout):
        assert timeout <= 10
        raise TimeoutError("timed out")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(fetch_files.FetchError, match=r"example\.org: timed out"):
        fetch_files.read_address("https://example.org/file")


def test_the_hands_bundle_has_the_same_bytes_every_time(fetch_files):
    spec = importlib.util.spec_from_file_location("fetch_models", SCRIPTS / "fetch_models.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    members = {"a.tflite": b"1" * 100, "b.tflite": b"2" * 50}
    bundle = module.make_stored_zip(members)
    assert hashlib.sha256(bundle).hexdigest() == hashlib.sha256(module.make_stored_zip(members)).hexdigest()
    assert b"1" * 100 in bundle
