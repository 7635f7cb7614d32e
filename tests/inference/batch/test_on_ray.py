"""A batch on a real Ray of this machine: a killed worker's segment is made again, and no byte differs."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RUN = """
import json, sys, threading, time
from pathlib import Path
import psutil
from perfkit.inference.batch import BatchOptions, Ledger, find_jobs, plan_batch, run_batch
from perfkit.inference.settings import RenderSettings

takes, out, character, ray_address = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4] or None
out.mkdir()
ledger = Ledger(out)
seen = {"killed": 0, "addresses": []}


def watch():
    while True:
        for process in psutil.Process().children(recursive=True):
            try:
                for connection in process.net_connections(kind="inet"):
                    seen["addresses"] += [address.ip for address in (connection.laddr, connection.raddr) if address]
                is_at_work = process.name().startswith("ray::make_segment") or "make_segment" in process.cmdline()[0]
                if is_at_work and not seen["killed"]:
                    time.sleep(0.5)
                    process.kill()
                    seen["killed"] = process.pid
            except (psutil.Error, IndexError):
                continue
        time.sleep(0.2)


if ray_address:
    threading.Thread(target=watch, daemon=True).start()
planned = plan_batch(find_jobs(takes, out, character, RenderSettings(steps=1), suffix=".mp4"), out, ledger)
num_workers = 2 if ray_address else 1
options = BatchOptions(num_workers=num_workers, ray_address=ray_address, segment_frames=6)
shots = run_batch(planned, out, ledger, options)
segments = {shot.out: [segment.digest for segment in ledger.read_segments(shot.out, shot.identity)] for shot in shots}
told = [[shot.out, shot.state, shot.out_digest, shot.num_frames, shot.reason] for shot in shots]
print(json.dumps({"shots": told, "segments": segments, **seen, "addresses": sorted(set(seen["addresses"]))}))
"""


def run_apart(takes: Path, out: Path, character: str, ray_address: str) -> dict:
    command = [sys.executable, "-c", RUN, str(takes), str(out), character, ray_address]
    done = subprocess.run(command, cwd=takes.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed")
def test_a_killed_workers_segment_is_redone_and_the_bytes_are_those_of_one_process(short_take, character, tmp_path):
    takes = tmp_path / "takes"
    takes.mkdir()
    shutil.copy(short_take, takes / "a.mp4")
    shutil.copy(short_take, takes / "b.mp4")
    (takes / "c.mp4").write_bytes(b"no video")
    here = run_apart(takes, tmp_path / "here", character, "")
    there = run_apart(takes, tmp_path / "there", character, "local")
    assert there["killed"], "no worker was killed"
    assert there["shots"] == here["shots"]
    assert [shot[1] for shot in there["shots"]] == ["done", "done", "failed"]
    assert there["segments"] == here["segments"] and len(here["segments"]["a.mp4"]) == 4
    for name in ("a.mp4", "b.mp4"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert {path.name for path in (tmp_path / "there").rglob("*")} == {
        path.name for path in (tmp_path / "here").rglob("*")
    }
    assert [address for address in there["addresses"] if not address.startswith(("127.", "::1", "::ffff:127."))] == []


CLAIM = """
import os, sys
from perfkit.inference.batch.on_ray import claim_cores
claim = claim_cores(1)
print(claim is not None, *sorted(os.sched_getaffinity(0)), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="cores are claimed on Linux alone")
def test_workers_claim_cores_of_their_own_and_a_dead_one_gives_its_core_back():
    own, workers, seen = sorted(os.sched_getaffinity(0)), [], []

    def start() -> list[str]:
        worker = subprocess.Popen(
            [sys.executable, "-c", CLAIM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        workers.append(worker)
        assert worker.stdout is not None
        return worker.stdout.readline().split()

    try:
        seen = [start() for _ in own]
        assert seen == [["True", str(core)] for core in own]
        assert start() == ["False", *map(str, own)]
        workers[0].kill()
        workers[0].wait()
        assert start() == seen[0]
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def test_ray_that_is_not_there_is_said_in_one_line(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    Path("takes").mkdir()
    Path("takes/a.mp4").write_bytes(b"a take")
    outcome = run("batch", "takes", "-o", "out", "-c", "zib", "--ray")
    assert outcome.code == 1 and "pip install 'perfkit[ray]'" in outcome.err.splitlines()[-1]
