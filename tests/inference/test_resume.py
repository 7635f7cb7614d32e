"""A render that is broken off goes on where it stood, and its result is that of an unbroken run, byte for byte.

The videos are ProRes: at pictures as small as these x264 does not write the same bytes every time.
"""

import contextlib
import multiprocessing
import os
import random
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from grey_take import NUM_FRAMES, SETTINGS, TableEngine, perform, slow_down, write_perf, write_take

from perfkit.errors import MediaError, SettingsError, TrackError
from perfkit.inference import job as job_module
from perfkit.inference.engine import ENGINES
from perfkit.inference.render import render_take
from perfkit.inference.settings import RuntimeSettings
from perfkit.inference.work_folder import WorkFolder, work_path
from perfkit.pack import load_pack
from perfkit.times import FrameTimes
from perfkit.video import digest_take, iterate_frames, open_take

BLENDED = replace(SETTINGS, blend_frames=2, noise_share=0.5)
SEGMENT_FRAMES = 4


class CountingEngine(TableEngine):
    """Leaves some noise in the latents, so that pictures depend on all that they should; counts what it samples."""

    num_sampled_in_all = 0

    def __init__(self, request, runtime):
        super().__init__(request, runtime)
        self.leak = 0.3

    def condition(self, control_NHW3):
        type(self).num_sampled_in_all += len(control_NHW3)
        return super().condition(control_NHW3)


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    monkeypatch.setitem(ENGINES, "fake", f"{__name__}:CountingEngine")
    monkeypatch.setattr(CountingEngine, "num_sampled_in_all", 0)


@pytest.fixture(scope="module")
def perf(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resume")
    return write_perf(folder / "take.perf", write_take(folder / "take.mp4"))


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "out.mov"


def render(perf, out, settings=BLENDED, **runtime):
    runtime = RuntimeSettings(segment_frames=SEGMENT_FRAMES, **runtime)
    return render_take(perf, load_pack("zib"), out, settings, runtime).read_bytes()


def break_off(perf, out, at_frame, settings=BLENDED, error=KeyboardInterrupt):
    def interrupt(done, total):
        if done == at_frame:
            raise error

    with pytest.raises(error):
        render(perf, out, settings, on_progress=interrupt)


@pytest.fixture
def whole(perf, tmp_path):
    """The bytes of an unbroken run."""
    (tmp_path / "whole").mkdir()
    video = render(perf, tmp_path / "whole" / "out.mov")
    CountingEngine.num_sampled_in_all = 0
    return video


def kept(out):
    return sorted(path.name[:15] for path in work_path(out).glob("*.segment"))


def test_a_render_goes_on_from_the_last_whole_segment(perf, out, whole):
    break_off(perf, out, at_frame=15)
    num_kept = len(kept(out)) * SEGMENT_FRAMES
    assert kept(out)[:3] == ["0000000-0000004", "0000004-0000008", "0000008-0000012"]
    CountingEngine.num_sampled_in_all = 0
    assert render(perf, out) == whole
    missing = max(0, NUM_FRAMES - num_kept)
    assert missing <= CountingEngine.num_sampled_in_all <= missing + BLENDED.context_frames
    assert sorted(path.name for path in out.parent.iterdir()) == ["out.mov", "out.mov.json"]


def test_a_gap_between_whole_segments_is_filled_with_the_same_pixels(perf, out, whole):
    render(perf, out, keeps_work=True)
    assert len(kept(out)) == -(-NUM_FRAMES // SEGMENT_FRAMES)
    for name in ("0000004-0000008", "0000008-0000012", "0000020-0000021"):
        next(work_path(out).glob(f"{name}-*")).unlink()
    CountingEngine.num_sampled_in_all = 0
    assert render(perf, out) == whole
    assert 9 <= CountingEngine.num_sampled_in_all <= 9 + 3 * BLENDED.context_frames < NUM_FRAMES + 1


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: data[:99] + b"?" + data[100:], lambda _: b""])
def test_a_damaged_segment_is_made_again(perf, out, whole, spoil):
    render(perf, out, keeps_work=True)
    path = next(work_path(out).glob("0000008-*"))
    path.write_bytes(spoil(path.read_bytes()))
    assert render(perf, out) == whole


def test_another_setting_or_another_segment_size_begins_anew(perf, out):
    break_off(perf, out, at_frame=15)
    CountingEngine.num_sampled_in_all = 0
    render(perf, out, replace(BLENDED, seed=1))
    assert CountingEngine.num_sampled_in_all == NUM_FRAMES
    assert not work_path(out).exists()
    break_off(perf, out, at_frame=15)
    CountingEngine.num_sampled_in_all = 0
    render_take(perf, load_pack("zib"), out, BLENDED, RuntimeSettings(segment_frames=5))
    assert CountingEngine.num_sampled_in_all == NUM_FRAMES


def test_another_take_under_the_same_name_begins_anew(perf, out, tmp_path):
    changing = Path(shutil.copy(perf, tmp_path / "take.perf"))
    break_off(changing, out, at_frame=15)
    with changing.open("ab") as file:
        file.write(b"\0")
    CountingEngine.num_sampled_in_all = 0
    with pytest.raises(TrackError, match="damaged"):
        render(changing, out)
    assert CountingEngine.num_sampled_in_all == 0 and not work_path(out).exists()


def test_a_captured_track_is_kept_and_not_captured_again(out, tmp_path, monkeypatch):
    take = write_take(tmp_path / "take.mp4")
    video = open_take(take)
    pts = [pts for _, pts, _ in iterate_frames(video)]
    times = FrameTimes(np.array(pts, np.int64), video.info.time_base)
    captures = []

    def capture(source, *, on_progress):
        captures.append(source)
        return perform(times, digest_take(video))

    monkeypatch.setattr(job_module, "capture_take", capture)
    break_off(take, out, at_frame=1)
    unbroken = render(take, out.with_name("other.mov"))
    assert len(captures) == 2
    assert render(take, out) == unbroken
    assert len(captures) == 2


def test_what_cannot_be_rendered_leaves_no_work_and_spares_that_of_another_run(perf, out, monkeypatch):
    break_off(perf, out, at_frame=15)
    with pytest.raises(SettingsError, match="nothing"):
        render(perf, out, replace(BLENDED, engine="nothing"))
    assert kept(out), "refused before it began: the work of the run before is not its own"

    def fail(self, latents_NChw):
        raise SettingsError("no")

    monkeypatch.setattr(CountingEngine, "decode", fail)
    with pytest.raises(SettingsError, match="no"):
        render(perf, out, replace(BLENDED, seed=1))
    assert list(out.parent.iterdir()) == []


def test_a_segment_is_told_when_it_is_whole(perf, out):
    told = []
    render(perf, out, on_segment=told.append, keeps_work=True)
    assert [segment.frames for segment in told] == WorkFolder(out, segment_frames=SEGMENT_FRAMES).split(NUM_FRAMES)
    names = sorted(path.name for path in work_path(out).glob("*.segment"))
    assert [name[16:-8] for name in names] == [segment.digest for segment in told]


def test_who_shares_a_work_folder_removes_nothing_and_refuses_what_is_not_the_same(perf, out):
    break_off(perf, out, at_frame=15)
    aside = work_path(out) / ".0000000-0000004.aaaa.partial"
    aside.write_bytes(b"another's")
    identity = (work_path(out) / "identity").read_text().split()[0]
    shared = WorkFolder(out, segment_frames=SEGMENT_FRAMES, is_shared=True)
    shared.open(identity)
    shared.remove()
    assert aside.exists()
    with pytest.raises(MediaError, match="machines that are alike"):
        shared.open("other")
    assert aside.exists()


def _render_slowly(perf, out):
    slow_down(CountingEngine)
    render(perf, out)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("num_kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_inside_a_take_cost_segments_only_and_change_no_byte(perf, out, whole, num_kills):
    """`kill -9` at the first whole segment, then at random moments after the start or the next whole segment."""
    context, rng = multiprocessing.get_context("fork"), random.Random(6)
    num_inside = 0
    for kill in range(num_kills):
        program = context.Process(target=_render_slowly, args=(perf, out))
        program.start()
        num_kept = len(kept(out)) if kill == 0 or rng.random() < 0.7 else -1
        while program.is_alive() and len(kept(out)) == num_kept:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.15) if kill else 0)
        program.kill()
        program.join()
        num_inside += 0 < len(kept(out)) * SEGMENT_FRAMES < NUM_FRAMES
    assert num_inside, "no kill hit the take between its first and its last segment"
    assert render(perf, out) == whole
    assert sorted(path.name for path in out.parent.iterdir()) == ["out.mov", "out.mov.json"]


def stop_on_a_full_disk_and_go_on(perf, disk, whole):
    """Run in a process that has `disk`, of 256 KiB, to itself."""
    ENGINES["fake"] = f"{__name__}:CountingEngine"
    for num_free_pages in (1, 2, 4, 6):
        ballast, out = disk / "ballast", disk / f"{num_free_pages}.mov"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        os.truncate(ballast, ballast.stat().st_size - 4096 * num_free_pages)
        with pytest.raises(MediaError, match=r"No space left on device.*free some space") as caught:
            render(perf, out)
        assert "\n" not in str(caught.value)
        num_kept = len(kept(out))
        assert not [path for path in disk.iterdir() if "partial" in path.name]
        ballast.unlink()
        CountingEngine.num_sampled_in_all = 0
        assert render(perf, out) == whole
        assert CountingEngine.num_sampled_in_all <= NUM_FRAMES - num_kept * SEGMENT_FRAMES + BLENDED.context_frames
        out.unlink()


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed")
def test_a_full_disk_stops_a_render_in_one_line_and_it_goes_on_when_there_is_room(perf, tmp_path, whole):
    (tmp_path / "disk").mkdir()
    (tmp_path / "whole.bytes").write_bytes(whole)
    code = (
        "import sys; from pathlib import Path; import test_resume;"
        "test_resume.stop_on_a_full_disk_and_go_on(*map(Path, sys.argv[1:3]), Path(sys.argv[3]).read_bytes())"
    )
    mount = f"mount -t tmpfs -o size=256k tmpfs {tmp_path / 'disk'} || exit 77"
    arguments = [str(perf), str(tmp_path / "disk"), str(tmp_path / "whole.bytes")]
    python = shlex.join([sys.executable, "-c", code, *arguments])
    folders = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parent.parent)))
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"{mount}; exec {python}"],
        env={**os.environ, "PYTHONPATH": folders},
        capture_output=True,
        text=True,
    )
    if done.returncode == 77 or done.stderr.startswith("unshare:"):
        pytest.skip("no disk may be mounted here")
    assert done.returncode == 0, done.stderr[-3000:]
