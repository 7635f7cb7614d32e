"""A golden take: what alters it is caught and named by its tier, what does not alter it raises no alarm."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from golden_faults import DROPPED_FRAME, FAULTS, delay_sound, draw_one_px_off, drop_a_frame, shift_seed
from grey_take import NUM_FRAMES, PTS, SETTINGS, TIME_BASE, TableEngine, write_perf, write_take

from perfkit.errors import MediaError, PerfkitError, SettingsError, TrackError
from perfkit.inference.engine import ENGINES
from perfkit.inference.golden import evidence
from perfkit.inference.golden.checking import approve, check_golden, record_golden, write_report
from perfkit.inference.golden.comparing import TIERS, compare
from perfkit.inference.golden.golden_file import find_goldens, load_golden
from perfkit.inference.settings import RenderSettings, RuntimeSettings
from perfkit.inference.work_folder import work_path
from perfkit.retarget import RetargetSettings
from perfkit.take import Take
from perfkit.video import open_take

CHARACTER = "zib"


class LeakyEngine(TableEngine):
    """Some of the noise stays in the latents, as a real network leaves its trace."""

    def __init__(self, request, runtime):
        super().__init__(request, runtime)
        self.leak = 0.2 * request.control_scale


@pytest.fixture(autouse=True)
def fake_engine(monkeypatch):
    monkeypatch.setitem(ENGINES, "fake", f"{__name__}:LeakyEngine")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a take that has sound, and its .perf."""
    folder = tmp_path_factory.mktemp("golden")
    take = write_take(folder / "take.mp4", sound_from=_make_tone(folder / "tone.mp4"))
    write_perf(folder / "take.perf", take)
    return folder


@pytest.fixture
def folder(home, tmp_path):
    """A golden recorded from it."""
    shutil.copytree(home, tmp_path / "home")
    return _record(tmp_path / "home")


def _make_tone(path: Path) -> Take:
    """Write a take whose sound is a tone of a second."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("mpeg4", rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 40, 24, "yuv420p"
        sound = container.add_stream("aac", rate=48000, layout="mono")
        for _ in range(3):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((24, 40, 3), np.uint8), "rgb24")))
        tone = np.sin(np.arange(48000, dtype=np.float32) / 20)[None]
        frame = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
        frame.sample_rate, frame.pts = 48000, 0
        for packets in (sound.encode(frame), sound.encode(None), pictures.encode(None)):
            container.mux(packets)
    return open_take(path)


def _record(home: Path, settings: RenderSettings = SETTINGS, name: str = "ada") -> Path:
    runtime = RuntimeSettings(take=home / "take.mp4")
    goldens = home / "goldens"
    goldens.mkdir(exist_ok=True)
    return record_golden(home / "take.perf", CHARACTER, goldens / name, settings, runtime).folder


def test_a_clean_repeat_raises_no_alarm(folder):
    comparison = check_golden(folder).comparison
    assert comparison.passes, str(comparison)
    assert [tier.name for tier in comparison.tiers] == list(TIERS)
    assert comparison.changes == ()
    assert "frames equal" in str(comparison) and "packets equal" in str(comparison)


@pytest.mark.parametrize("runtime", [RuntimeSettings(window_frames=5), RuntimeSettings(window_frames=8, num_threads=1)])
def test_another_window_and_thread_count_raise_no_alarm(folder, runtime):
    comparison = check_golden(folder, runtime).comparison
    assert comparison.passes, str(comparison)
    assert any(change.startswith("runtime window_frames") for change in comparison.changes)


@pytest.mark.parametrize("at_frame", [6, 13, NUM_FRAMES])
def test_a_resume_raises_no_alarm(folder, monkeypatch, at_frame):
    """Broken off at a frame and gone on with: what is shown of kept segments is what the disk gave back."""
    real, broken_off = evidence.render_take, []

    def interrupt(done, total):
        if done == at_frame:
            raise KeyboardInterrupt

    def render(source, pack, path, settings, runtime):
        runtime = replace(runtime, segment_frames=4)
        with pytest.raises(KeyboardInterrupt):
            real(source, pack, path, settings, replace(runtime, on_progress=interrupt))
        broken_off.append(len(list(work_path(path).glob("*.segment"))))
        return real(source, pack, path, settings, runtime)

    monkeypatch.setattr(evidence, "render_take", render)
    comparison = check_golden(folder).comparison
    assert broken_off[0], "nothing was kept, so nothing was resumed"
    assert comparison.passes, str(comparison)
    assert "frames equal" in str(comparison) and "packets equal" in str(comparison)


@pytest.mark.parametrize("name", FAULTS)
def test_a_seeded_fault_is_caught_and_named_by_its_tier(folder, monkeypatch, name):
    inject, tier = FAULTS[name]
    inject(monkeypatch)
    comparison = check_golden(folder).comparison
    assert comparison.first_broken is not None, str(comparison)
    assert comparison.first_broken.name == tier, str(comparison)
    assert f"{tier} broke first" in str(comparison)


def test_the_first_bad_frame_is_named_with_its_time(folder, monkeypatch):
    drop_a_frame(monkeypatch)
    comparison = check_golden(folder).comparison
    tier = comparison.first_broken
    assert tier is not None and tier.failed[0] == DROPPED_FRAME
    assert f"first bad frame {DROPPED_FRAME} (" in comparison.headline and "20 frames, 21 expected" in tier.finding


def test_the_delay_of_the_sound_is_told(folder, monkeypatch):
    delay_sound(monkeypatch)
    tier = check_golden(folder).comparison.first_broken
    assert tier is not None and "+0.03" in tier.finding


def test_a_golden_comes_back_from_its_folder_as_it_was(home, tmp_path):
    shutil.copytree(home, tmp_path / "home")
    settings = replace(SETTINGS, seed=7, retarget=RetargetSettings(smoothing=0.5), background="take", precision="bf16")
    folder = _record(tmp_path / "home", settings)
    golden = load_golden(folder)
    assert golden.settings == settings
    assert (golden.character, golden.name) == (CHARACTER, "ada")
    assert golden.source.resolve() == (tmp_path / "home" / "take.perf").resolve()
    found = golden.evidence
    assert len(found.control.digests) == len(found.seconds) == NUM_FRAMES
    assert found.seconds[3] == int(PTS[3]) * TIME_BASE
    assert len(found.control.kept) == len(found.character.kept) == len(found.latents) == 8
    assert evidence.digest_array(found.character.kept[1]) == found.character.digests[1]
    assert found.sound and found.provenance.versions["processor"]


def test_a_golden_is_rendered_in_arithmetic_that_every_processor_has_unless_told_otherwise(home, tmp_path):
    shutil.copytree(home, tmp_path / "home")
    folder = _record(tmp_path / "home")
    assert load_golden(folder).settings.precision == "f32"
    assert "precision" not in json.loads((folder / "golden.json").read_text())["settings"]


def test_a_golden_travels_with_its_folder_and_a_pack_in_it(home, tmp_path, character_copy):
    shutil.copytree(home, tmp_path / "home")
    shutil.copytree(character_copy, tmp_path / "home" / "packs" / "mine")
    character = str(tmp_path / "home" / "packs" / "mine")
    folder = tmp_path / "home" / "ada"
    record_golden(tmp_path / "home" / "take.perf", character, folder, SETTINGS)
    text = (folder / "golden.json").read_text()
    assert str(tmp_path) not in text and json.loads(text)["character"] == "../packs/mine"
    (tmp_path / "home").rename(tmp_path / "moved")
    assert check_golden(tmp_path / "moved" / "ada").comparison.passes


def test_an_approved_change_is_the_new_golden(folder, monkeypatch):
    shift_seed(monkeypatch)
    check = check_golden(folder)
    assert not check.comparison.passes
    approve(check)
    assert check_golden(folder).comparison.passes
    assert find_goldens(folder.parent) == (folder,)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["ada"]


def test_the_report_shows_before_after_and_difference(folder, monkeypatch, tmp_path):
    draw_one_px_off(monkeypatch)
    html = write_report(check_golden(folder), tmp_path / "report").read_text()
    assert "control broke first" in html.lower() and "difference x8" in html
    assert html.count("<img") >= 3 and 'src="http' not in html and 'href="http' not in html


def test_what_a_render_depends_on_is_named_when_it_changed(folder):
    path = folder / "golden.json"
    content = json.loads(path.read_text())
    content["provenance"]["versions"]["torch"] = "1.0"
    content["provenance"]["digests"]["engine"] = 64 * "a"
    path.write_text(json.dumps(content))
    changes = check_golden(folder).comparison.changes
    assert [change.partition(":")[0] for change in changes] == ["version torch", "digest engine"]
    assert "aaaaaaaaaaaa -> " in changes[1]


def _remove_take(folder: Path) -> None:
    (folder.parent.parent / "take.perf").unlink()


def _damage_json(folder: Path) -> None:
    (folder / "golden.json").write_text('{"format": 1')


def _set_format(folder: Path) -> None:
    (folder / "golden.json").write_text('{"format": 99}')


def _add_setting(folder: Path) -> None:
    path = folder / "golden.json"
    content = json.loads(path.read_text())
    content["settings"]["sharpness"] = 2
    path.write_text(json.dumps(content))


def _remove_evidence(folder: Path) -> None:
    (folder / "evidence.safetensors").unlink()


def _damage_picture(folder: Path) -> None:
    next(folder.glob("character-*.png")).write_bytes(b"no picture")


def _damage_perf(folder: Path) -> None:
    (folder / "take.perf").write_bytes(b"no track")


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (_remove_take, MediaError, "no such file"),
        (_damage_json, MediaError, "not a golden"),
        (_set_format, MediaError, "format 99"),
        (_add_setting, SettingsError, "sharpness"),
        (_remove_evidence, MediaError, "lacks evidence.safetensors"),
        (_damage_picture, MediaError, "not a golden"),
        (_damage_perf, TrackError, "not a .perf file"),
    ],
)
def test_a_damaged_golden_is_refused_in_one_line(folder, damage, error, message):
    damage(folder)
    with pytest.raises(error, match=message) as caught:
        check_golden(folder)
    assert "\n" not in str(caught.value)


def test_recording_over_something_is_refused(folder):
    with pytest.raises(PerfkitError, match="exists already"):
        _record(folder.parent.parent)


def test_a_folder_without_goldens_says_how_to_make_one(tmp_path):
    with pytest.raises(MediaError, match="perfkit golden record"):
        find_goldens(tmp_path)


def test_a_comparison_without_frames_in_common_still_speaks(folder):
    found = load_golden(folder).evidence
    shorter = replace(found, seconds=found.seconds[:5])
    comparison = compare("ada", found, shorter)
    assert comparison.first_broken is not None and comparison.first_broken.name == "time"
