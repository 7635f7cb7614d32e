"""Pages that misbehave, cameras that do odd things: the show goes on, nothing grows, nothing hangs."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from live_stage import Stage, feed, wait_for
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from perfkit.inference.live.camera_frame import CameraFrame, encode_jpeg
from perfkit.inference.live.connection import TAKEN_OVER
from perfkit.inference.live.drawing import Shown
from perfkit.inference.live.messages import CAMERA, CHARACTER, write_message
from perfkit.serving.page_server import MAX_CONNECTIONS, MAX_MESSAGE_BYTES
from perfkit.video import iterate_frames, open_take


@pytest.fixture(scope="module")
def picture_rgb(demo_take: Path) -> np.ndarray:
    return next(iterate_frames(open_take(demo_take)))[2]


@contextlib.contextmanager
def open_socket(stage: Stage) -> Iterator[ClientConnection]:
    """A page's socket, let in by the cookie that a page gets."""
    cookie = f"perfkit-{stage.server.port}={stage.server.keys.session}"
    with connect(
        f"ws://127.0.0.1:{stage.server.port}/socket",
        origin=Origin(stage.server.root),
        additional_headers={"Cookie": cookie},
        max_size=None,
        close_timeout=1,
    ) as socket:
        yield socket


def play(socket: ClientConnection, jpegs: list[bytes], *, start: int = 0, fps: float = 60.0) -> None:
    for index, jpeg in enumerate(jpegs, start=start + 1):
        socket.send(write_message(CAMERA, index, time.monotonic() * 1000, jpeg))
        time.sleep(1 / fps)


def read_pictures(socket: ClientConnection, seconds: float, *, says_seen: bool) -> list[float]:
    """Return the stamps of the pictures that come within some seconds."""
    stamps, end = [], time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        with contextlib.suppress(TimeoutError):
            message = socket.recv(left)
            if isinstance(message, bytes) and message[0] == CHARACTER:
                stamps.append(float(np.frombuffer(message[8:16], "<f8")[0]))
                if says_seen:
                    socket.send(json.dumps({"seen": len(stamps)}))
    return stamps


def test_pictures_come_back_in_order_with_their_own_stamps(stage: Stage, jpegs: list[bytes]) -> None:
    with open_socket(stage) as socket:
        play(socket, jpegs)
        stamps = [stamp for stamp in read_pictures(socket, 1.0, says_seen=True) if stamp]
    assert stamps == sorted(stamps)
    assert len(stamps) > 3


def test_a_client_that_never_reads_costs_nothing(stage: Stage, jpegs: list[bytes]) -> None:
    with open_socket(stage) as socket:
        before = stage.show.describe()["num_frames"]
        play(socket, jpegs * 4)
        wait_for(lambda: stage.show.describe()["num_frames"] > before + 40)
        assert len(feed(stage, jpegs[:4], start=1000)) >= 4


def test_a_client_that_says_nothing_back_gets_a_trickle(stage: Stage, jpegs: list[bytes]) -> None:
    with open_socket(stage) as socket:
        play(socket, jpegs, fps=25)
        silent = len(read_pictures(socket, 0.5, says_seen=False))
    assert silent <= 8


def test_garbage_changes_nothing(stage: Stage, jpegs: list[bytes]) -> None:
    rng = np.random.default_rng(0)
    texts = ["", "{", "[]", "7", '{"set": 7}', '{"set": {"x": 1}}', '{"do": "rm"}', '{"do": {}}', '{"seen": "x"}']
    with open_socket(stage) as socket:
        for text in [*texts, "{" * 5000]:
            socket.send(text)
        for length in (0, 1, 15, 16, 17, 1000):
            socket.send(rng.bytes(length))
            socket.send(bytes([CAMERA]) + rng.bytes(length + 15))
        play(socket, jpegs)
        assert read_pictures(socket, 1.0, says_seen=True)
    assert stage.show.describe()["controls"]["mouth_gain"] == 1.0


def test_a_command_that_is_refused_is_answered_in_one_line(stage: Stage) -> None:
    with open_socket(stage) as socket:
        socket.send(json.dumps({"set": {"mouth_gain": 99}}))
        refused = next(
            answer["refused"]
            for message in iter(lambda: socket.recv(5), None)
            if isinstance(message, str) and "refused" in (answer := json.loads(message))
        )
    assert refused == "control mouth_gain: got '99', expected a number from 0 to 4"


def test_an_oversized_message_ends_that_connection_and_no_other(stage: Stage, jpegs: list[bytes]) -> None:
    with open_socket(stage) as socket, pytest.raises(ConnectionClosed):
        socket.send(b"\x01" * (MAX_MESSAGE_BYTES + 1))
        while True:
            socket.recv(5)
    with open_socket(stage) as socket:
        play(socket, jpegs)
        assert read_pictures(socket, 0.5, says_seen=True)


def test_the_newest_of_many_pages_plays_and_the_server_lives(stage: Stage, jpegs: list[bytes]) -> None:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(open_socket(stage)) for _ in range(min(50, MAX_CONNECTIONS - 4))]
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                sockets[0].recv(5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == TAKEN_OVER
        play(sockets[-1], jpegs)
        assert read_pictures(sockets[-1], 0.5, says_seen=True)


@pytest.mark.parametrize("fps", [5.0, 60.0])
def test_slow_and_fast_cameras_play(stage: Stage, jpegs: list[bytes], fps: float) -> None:
    with open_socket(stage) as socket:
        play(socket, jpegs[: 8 if fps < 10 else 24], fps=fps)
        assert len([stamp for stamp in read_pictures(socket, 0.5, says_seen=True) if stamp]) >= 3


def test_a_4k_camera_and_a_phone_that_is_turned_play(stage: Stage, picture_rgb: np.ndarray) -> None:
    portrait = np.ascontiguousarray(picture_rgb[:, 300:540])
    large = picture_rgb.repeat(6, axis=0).repeat(6, axis=1)
    for start, picture in enumerate((large, portrait, picture_rgb)):
        shown = feed(stage, [encode_jpeg(picture, quality=85)] * 6, start=10 * start)
        assert all(each.acted.observation.has_face for each in shown[-2:])


def test_of_two_faces_the_nearer_is_kept(stage: Stage, picture_rgb: np.ndarray) -> None:
    near = picture_rgb[:, 250:570]
    far = near[::2, ::2]
    both = np.full((360, 640, 3), 60, np.uint8)
    both[:, :320] = near
    both[100:280, 420:580] = far
    shown = feed(stage, [encode_jpeg(both, quality=90)] * 15)
    centers = np.array([each.acted.observation.face[1, 0] for each in shown[-10:]])
    assert (centers < 320).all()
    assert np.ptp(centers) < 4


def test_a_minute_without_a_face_stays_calm(stage: Stage) -> None:
    empty = np.full((360, 640, 3), 90, np.uint8)
    shown: list[Shown] = []
    leave = stage.show.watch(shown=shown.append)
    start = time.monotonic()
    for index in range(240):
        stage.show.feed(CameraFrame(index, start + index * 0.25, image_rgb=empty))
        time.sleep(0.02)
    leave()
    assert stage.show.describe()["state"] == "neutral"
    assert np.allclose(shown[-1].acted.pose.weights, 0)


def test_stop_and_start_of_the_page_goes_on_whatever_its_clock_says(stage: Stage, jpegs: list[bytes]) -> None:
    for offset in (1e6, 0.0, 5e8):
        with open_socket(stage) as socket:
            for index, jpeg in enumerate(jpegs[:10], start=1):
                socket.send(write_message(CAMERA, index, offset + index * 33, jpeg))
                time.sleep(0.03)
            assert [stamp for stamp in read_pictures(socket, 0.6, says_seen=True) if stamp > offset]
