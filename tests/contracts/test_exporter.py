"""What every format promises. A new one adds its name and what it has a use for to the list."""

import socket
from fractions import Fraction
from pathlib import Path

import pytest
from posed_performer import act_pose
from synthetic_performer import lose_face

from perfkit.calibrate import fit_calibration
from perfkit.errors import MediaError, PerfkitError, SettingsError
from perfkit.export import EXPORTERS, ExportRequest, make_exporter

TARGETS = {"bvh": "a.bvh", "livelink-csv": "a.csv", "openpose-json": "a", "usd": "a.usda"}
USES_RATE = {"bvh", "livelink-csv"}
USES_CALIBRATION = {"bvh", "livelink-csv", "usd", "vmc"}
STREAMS = {"vmc"}


@pytest.fixture(scope="module")
def track():
    return lose_face(act_pose(30, head_deg=(20, 5, 0)), slice(12, 15))


@pytest.fixture(scope="module")
def port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        yield receiver.getsockname()[1]


def make_request(name: str, folder: Path, port: int, options: dict | None = None) -> ExportRequest:
    given: dict = {"port": port} if name in STREAMS else {"output": folder / TARGETS[name]}
    return ExportRequest(**(given | (options or {})))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_every_format_stands_in_these_lists():
    assert set(TARGETS) | STREAMS == set(EXPORTERS)


@pytest.mark.parametrize("name", EXPORTERS)
def test_it_names_its_target_and_says_what_it_did(name, track, port, tmp_path):
    result = make_exporter(name)(track, make_request(name, tmp_path, port))
    assert result.target == (f"127.0.0.1:{port}" if name in STREAMS else str(tmp_path / TARGETS[name]))
    assert result.notes and all(note.startswith(f"{name}: ") and "\n" not in note for note in result.notes)
    left = [] if name in STREAMS else [TARGETS[name]]
    assert [file.name for file in tmp_path.iterdir()] == left


@pytest.mark.parametrize("name", TARGETS)
def test_the_same_track_gives_the_same_bytes(name, track, port, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        make_exporter(name)(track, make_request(name, tmp_path / folder, port))
    assert contents(tmp_path / "one") == contents(tmp_path / "two") != {}


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_that_cannot_be_is_refused(name, track, tmp_path):
    with pytest.raises(MediaError, match="absent"):
        make_exporter(name)(track, ExportRequest(tmp_path / "absent" / TARGETS[name]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", EXPORTERS)
def test_what_it_has_no_use_for_is_refused(name, track, port, tmp_path):
    useless: list[dict] = []
    useless += [] if name in USES_RATE else [{"rate_fps": Fraction(30)}]
    useless += [] if name in USES_CALIBRATION else [{"calibration": fit_calibration(track)}]
    useless += [{"output": tmp_path / "a"}] if name in STREAMS else [{"port": 39539}, {"host": "127.0.0.1"}]
    for options in useless:
        with pytest.raises(SettingsError, match=f"^{name}: has no use for"):
            make_exporter(name)(track, make_request(name, tmp_path, port, options))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", TARGETS)
def test_a_file_needs_a_name(name, track):
    with pytest.raises(SettingsError, match="-o"):
        make_exporter(name)(track, ExportRequest())


@pytest.mark.parametrize("name", sorted(USES_CALIBRATION))
def test_a_given_calibration_is_used(name, track, port, tmp_path):
    nearly_faceless = lose_face(act_pose(12), slice(2, 12))
    with pytest.raises(PerfkitError, match="--calibration"):
        make_exporter(name)(nearly_faceless, make_request(name, tmp_path, port))
    make_exporter(name)(nearly_faceless, make_request(name, tmp_path, port, {"calibration": fit_calibration(track)}))


@pytest.mark.parametrize("name", EXPORTERS)
def test_one_frame_is_a_performance(name, track, port, tmp_path):
    calibration = {"calibration": fit_calibration(track)} if name in USES_CALIBRATION else {}
    make_exporter(name)(act_pose(1), make_request(name, tmp_path, port, calibration))


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match="bvh, livelink-csv, openpose-json, usd, vmc"):
        make_exporter("fbx")


@pytest.mark.parametrize(
    "options", [{"rate_fps": Fraction(0)}, {"rate_fps": Fraction(5000)}, {"port": 0}, {"port": 70000}]
)
def test_a_number_that_cannot_be_is_refused(options):
    with pytest.raises(SettingsError, match="expected 1 to"):
        ExportRequest(**options)
