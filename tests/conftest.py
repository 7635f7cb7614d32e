"""What every test gets: no network, restored random state, one compute thread, paths of real footage if it is there."""

import os
import random
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from command_line import Outcome, make_runner

from perfkit.quiet import settle_libraries

os.environ.setdefault("OMP_NUM_THREADS", "1")
settle_libraries()

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Whoever runs the suite in the background ignores Ctrl-C, and every program that a test starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("PERFKIT_TEST_MEDIA", ROOT.parent / "shared"))
LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(scope="session")
def takes_dir() -> Path:
    """Folder of real takes (people/, bodies/, odd/); tests that need it are skipped where it is absent."""
    return _existing(SHARED / "takes")


@pytest.fixture(scope="session")
def godette_dir() -> Path:
    """Folder of drawings that no model of ours was trained on."""
    return _existing(SHARED / "art" / "godette")


@pytest.fixture(scope="session")
def demo_take() -> Path:
    """The sample take that scripts/fetch_take.py gets."""
    takes = sorted((ROOT / "samples" / "takes").glob("*.mp4"))
    if not takes:
        pytest.skip("no sample take; run: python scripts/fetch_take.py")
    return takes[0]


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """Folder with the face tracker's file; tests that track are skipped where it is absent."""
    from perfkit.models import find_model

    path = find_model("face")
    if path is None:
        pytest.skip("no tracker files; run: python scripts/fetch_models.py")
    return path.parent


@pytest.fixture(scope="session")
def short_take(demo_take: Path, models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 20 frames of the sample take, packets copied."""
    import av

    path = tmp_path_factory.mktemp("take") / "short.mp4"
    with av.open(str(demo_take)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in islice(source.demux(stream), 20):
            packet.stream = copy
            target.mux(packet)
    return path


@pytest.fixture(scope="session")
def character() -> str:
    """Name of a sample character that has an adapter."""
    from perfkit.pack import list_character_names, load_pack

    trained = [name for name in list_character_names() if load_pack(name).loras]
    if not trained:
        pytest.skip("no trained sample character in this checkout")
    return trained[0]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Outcome]:
    """Run the command line in this process, in an empty folder of its own."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return make_runner(monkeypatch, capfd)


@pytest.fixture
def character_copy(tmp_path: Path) -> Path:
    """A copy of a sample character's pack that a test may change."""
    from perfkit.pack import find_pack_folder, list_character_names

    return Path(shutil.copytree(find_pack_folder(list_character_names()[0]), tmp_path / "pack"))


@pytest.fixture
def small_pack(character_copy: Path) -> Path:
    """The same with its first four drawings only: quick to train on."""
    from perfkit.art import LANDMARK_SHAPES, ArtLandmarks, write_landmarks
    from perfkit.manifest import digest_file
    from perfkit.pack import load_pack, write_manifest

    pack = load_pack(character_copy)
    landmarks = pack.load_landmarks()
    assert pack.landmarks is not None
    path = character_copy / pack.landmarks[0]
    write_landmarks(path, ArtLandmarks(**{name: getattr(landmarks, name)[:4] for name in LANDMARK_SHAPES}))
    write_manifest(replace(pack, art=pack.art[:4], landmarks=(pack.landmarks[0], digest_file(path)), loras={}))
    return character_copy


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        pytest.skip(f"{folder.name} is not beside this checkout (set PERFKIT_TEST_MEDIA)")
    return folder


@pytest.fixture(autouse=True)
def restored_random_state() -> Iterator[None]:
    """Give Python's and NumPy's (and a loaded torch's) random state back as it was."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    torch = sys.modules.get("torch")
    torch_state = torch.get_rng_state() if torch else None
    yield
    random.setstate(python_state)
    np.random.set_state(numpy_state)
    if torch is not None and torch_state is not None:
        torch.set_rng_state(torch_state)


class NetworkUseError(RuntimeError):
    """A test tried to reach another machine."""


def _refuse_remote(address: object) -> None:
    host = address[0] if isinstance(address, tuple) else address
    if isinstance(host, (str, bytes)):
        host = host.decode() if isinstance(host, bytes) else host
        if isinstance(address, tuple) and not host.startswith(LOOPBACK):
            raise NetworkUseError(f"tests must not use the network: {host}")


@pytest.fixture(autouse=True)
def blocked_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every connection outside loopback, and every name look-up, raise."""

    class GuardedSocket(socket.socket):
        def connect(self, address: object, /) -> None:
            _refuse_remote(address)
            super().connect(address)  # type: ignore[arg-type]

        def connect_ex(self, address: object, /) -> int:
            _refuse_remote(address)
            return super().connect_ex(address)  # type: ignore[arg-type]

    def look_up(host: object, *rest: object, **options: object) -> list:
        _refuse_remote((host,))
        return real_look_up(host, *rest, **options)  # type: ignore[arg-type]

    real_look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "socket", GuardedSocket)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
