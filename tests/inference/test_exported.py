import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from perfkit.errors import SettingsError, WeightsError
from perfkit.inference.engines.exported import NUM_KEPT, CompiledNetwork, Export, find_cache_dir, open_exported

KEY = "k" * 64
INPUT = np.arange(6, dtype=np.float32).reshape(2, 3)


class Doubler(torch.nn.Module):
    def forward(self, x):
        return 2 * x, x + 1


@pytest.fixture
def make_exports():
    """Makes the exports and counts how often it was asked to."""

    def make():
        make.num_calls += 1
        return [Export("doubler", Doubler(), (torch.zeros(2, 3),))]

    make.num_calls = 0
    return make


def run(place):
    return CompiledNetwork(place / "doubler.xml", num_workers=1, precision="f32")([INPUT])


def test_a_network_is_exported_once_and_gives_its_outputs_in_order(tmp_path, make_exports):
    for _ in range(2):
        doubled, added = run(open_exported(tmp_path / "cache", KEY, make_exports))
        assert np.array_equal(doubled, 2 * INPUT)
        assert np.array_equal(added, INPUT + 1)
    assert make_exports.num_calls == 1
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [KEY]


FIRST_CALLS = """
import sys, threading
from pathlib import Path
import numpy as np
from perfkit.inference.engines.exported import CompiledNetwork
network = CompiledNetwork(Path(sys.argv[1]), num_workers=2, precision="f32")
sys.setswitchinterval(1e-6)
start = threading.Barrier(2)
def call():
    start.wait()
    network([np.zeros((2, 3), np.float32)])
threads = [threading.Thread(target=call) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_two_threads_may_be_the_first_to_call_a_network(tmp_path, make_exports):
    path = open_exported(tmp_path, KEY, make_exports) / "doubler.xml"
    for _ in range(8):  # without a call before theirs, one in five froze
        subprocess.run([sys.executable, "-c", FIRST_CALLS, str(path)], timeout=60, check=True)


class Forgetful(torch.nn.Module):
    """Traced, it keeps the answer of its first call: an export that is not what it was made from."""

    def forward(self, x):
        return x * float(x.sum())


def test_an_export_that_is_not_its_original_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="forgetful: the exported network differs"):
        open_exported(tmp_path, KEY, lambda: [Export("forgetful", Forgetful(), (torch.zeros(2, 3),))])
    assert list(tmp_path.iterdir()) == []


def flip_byte(place):
    path = place / "doubler.xml"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def empty_folder(place):
    shutil.rmtree(place)
    place.mkdir()


DAMAGES = {
    "a flipped bit": flip_byte,
    "a truncated file": lambda place: (place / "doubler.bin").write_bytes(b""),
    "an absent file": lambda place: (place / "doubler.bin").unlink(),
    "an absent manifest": lambda place: (place / "manifest.json").unlink(),
    "a broken manifest": lambda place: (place / "manifest.json").write_text("{"),
    "an empty manifest": lambda place: (place / "manifest.json").write_text("{}"),
    "a manifest of another shape": lambda place: (place / "manifest.json").write_text("[1]"),
    "an empty folder": empty_folder,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_cache_is_made_anew(tmp_path, make_exports, damage):
    place = open_exported(tmp_path, KEY, make_exports)
    if (place / "doubler.bin").stat().st_size == 0:
        (place / "doubler.bin").write_bytes(b"x")
    damage(place)
    assert np.array_equal(run(open_exported(tmp_path, KEY, make_exports))[0], 2 * INPUT)
    assert make_exports.num_calls == 2


def test_an_export_that_fails_leaves_nothing(tmp_path):
    def fail():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_exported(tmp_path, KEY, fail)
    assert list(tmp_path.iterdir()) == []


def test_the_cache_forgets_what_was_unused_for_longest(tmp_path, make_exports):
    for number in range(NUM_KEPT + 2):
        open_exported(tmp_path, f"{number:064d}", make_exports)
        open_exported(tmp_path, f"{0:064d}", make_exports)
    names = {int(path.name) for path in tmp_path.iterdir()}
    assert names == {0, *range(3, NUM_KEPT + 2)}


def test_a_cache_that_cannot_be_written_is_refused_in_one_line(tmp_path, make_exports):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"cannot be written .* set PERFKIT_CACHE"):
        open_exported(tmp_path / "file" / "cache", KEY, make_exports)


def test_the_cache_lies_where_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PERFKIT_CACHE", str(tmp_path / "a"))
    assert find_cache_dir(None) == tmp_path / "a"
    assert find_cache_dir(tmp_path / "b") == tmp_path / "b"
    monkeypatch.delenv("PERFKIT_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_cache_dir(None) == tmp_path / ".cache" / "perfkit"
