"""VMC: messages in Unity's axes, and what a receiver on this machine gets."""

import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction

import numpy as np
import pytest
from posed_performer import LEFT_ARM, UP, act_pose, hold_pose, make_limbs, make_times, make_weights, move
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_server import BlockingOSCUDPServer
from scipy.spatial.transform import Rotation

from perfkit.errors import ExportError
from perfkit.export import ExportRequest
from perfkit.export.skeleton import JOINTS, place_joints
from perfkit.export.vmc import (
    MAX_PACKET_BYTES,
    Message,
    VmcSender,
    export_vmc,
    frame_messages,
    make_packets,
    performance_messages,
    stream,
    unity_quaternions,
    vrm_expressions,
)
from perfkit.times import FrameTimes
from perfkit.vocabulary import BLENDSHAPES

VRM_0 = {
    "A", "I", "U", "E", "O", "Blink", "Blink_L", "Blink_R", "Joy", "Angry", "Sorrow", "Fun", "LookUp", "LookDown",
    "LookLeft", "LookRight",
}  # fmt: skip
VRM_1 = {
    "aa", "ih", "ou", "ee", "oh", "blink", "blinkLeft", "blinkRight", "happy", "angry", "sad", "relaxed", "surprised",
    "lookUp", "lookDown", "lookLeft", "lookRight",
}  # fmt: skip
"""Presets of both standards, `neutral` apart."""


def by_address(messages: Sequence[Message], address: str) -> list[tuple]:
    return [message.arguments for message in messages if message.address == address]


def bones_of(messages: list[Message]) -> dict[str, tuple[np.ndarray, Rotation]]:
    """Return bone name -> local place, m, and rotation, as Unity takes them."""
    found = by_address(messages, "/VMC/Ext/Bone/Pos")
    return {name: (np.array(rest[:3]), Rotation.from_quat(rest[3:])) for name, *rest in found}


def pose_in_unity(messages: list[Message]) -> dict[str, tuple[np.ndarray, Rotation]]:
    """Return bone name -> world place and rotation: parents first, as Unity multiplies them."""
    bones = bones_of(messages)
    world: dict[str, tuple[np.ndarray, Rotation]] = {}
    for joint in JOINTS:
        place, turn = bones[joint.name]
        if joint.parent:
            parent_place, parent_turn = world[joint.parent]
            place, turn = parent_place + parent_turn.apply(place), parent_turn * turn
        world[joint.name] = place, turn
    return world


def test_a_head_turned_30_degrees_to_its_left_and_a_raised_left_arm_in_unity():
    limbs = make_limbs(**dict.fromkeys(LEFT_ARM, UP))
    world = pose_in_unity(performance_messages(hold_pose(head_deg=(30, 0, 0), limbs=limbs), 0))
    np.testing.assert_allclose(world["Head"][1].apply([0, 0, 1]), [-0.5, 0, np.sqrt(0.75)], atol=1e-9)
    np.testing.assert_allclose(world["LeftHand"][0], [-0.17, 1.93, 0], atol=1e-9)
    np.testing.assert_allclose(world["RightHand"][0], [0.70, 1.40, 0], atol=1e-9)
    head = bones_of(performance_messages(hold_pose(head_deg=(30, 0, 0)), 0))["Head"][1].as_quat()
    np.testing.assert_allclose(head, [0, -np.sin(np.deg2rad(7.5)), 0, np.cos(np.deg2rad(7.5))], atol=1e-9)


def test_every_joint_of_a_moving_performer_is_mirrored_into_unitys_axes():
    performance = move(make_times(5))
    _, places = place_joints(performance.joints, performance.hips_cm)
    for frame in range(5):
        world = pose_in_unity(performance_messages(performance, frame))
        got = np.array([world[joint.name][0] for joint in JOINTS])
        np.testing.assert_allclose(got, places[frame] * [-0.01, 0.01, 0.01], atol=1e-9)


def test_a_turn_in_unitys_axes_is_the_mirror_image():
    rotations = Rotation.random(50, rng=5).as_matrix()
    mirror = np.diag([-1.0, 1.0, 1.0])
    got = Rotation.from_quat(unity_quaternions(rotations)).as_matrix()
    np.testing.assert_allclose(got, mirror @ rotations @ mirror, atol=1e-12)


def test_a_frame_has_all_messages_in_the_protocols_order():
    messages = performance_messages(move(make_times(3)), 2)
    kinds = list(dict.fromkeys(message.address.removeprefix("/VMC/Ext/") for message in messages))
    assert kinds == ["OK", "T", "Root/Pos", "Bone/Pos", "Blend/Val", "Blend/Apply"]
    assert by_address(messages, "/VMC/Ext/T") == [(2 / 30,)]
    assert by_address(messages, "/VMC/Ext/Root/Pos") == [("root", 0, 0, 0, 0, 0, 0, 1)]
    assert messages[-1] == Message("/VMC/Ext/Blend/Apply")
    names = [name for name, _ in by_address(messages, "/VMC/Ext/Blend/Val")]
    arkit = {name[0].upper() + name[1:] for name in BLENDSHAPES}
    assert set(names) == arkit | VRM_0 | VRM_1 and len(names) == len(set(names))


def test_ok_says_whether_the_face_is_seen():
    weights, joints = make_weights(1)[0], hold_pose().joints[0]
    for is_tracked in (True, False):
        messages = frame_messages(0.0, weights=weights, joints=joints, is_tracked=is_tracked)
        assert by_address(messages, "/VMC/Ext/OK") == [(1, 3, 0, int(is_tracked))]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({}, {}),
        ({"eyeBlinkLeft": 1.0}, {"Blink_L": 1.0}),
        ({"jawOpen": 1.0}, {"A": 1.0}),
        ({"jawOpen": 1.0, "mouthFunnel": 1.0}, {"O": 1.0}),
        ({"mouthPucker": 1.0}, {"U": 1.0}),
        ({"jawOpen": 1.0, "mouthClose": 1.0}, {}),
        ({"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8}, {"LookLeft": 0.8}),
        ({"mouthSmileLeft": 1.0, "mouthSmileRight": 0.5}, {"Joy": 0.75}),
    ],
    ids=["rest", "left blink", "a", "o", "u", "shut lips", "left", "smile"],
)
def test_vrms_expressions_follow_the_face(weights, expected):
    values = vrm_expressions(make_weights(1, **weights)[0])
    assert {name: value for name, value in values.items() if name in VRM_0 and value} == pytest.approx(expected)


def test_mouth_shapes_never_add_up_to_more_than_one_mouth():
    rng = np.random.default_rng(6)
    for _ in range(200):
        values = vrm_expressions(rng.uniform(size=len(BLENDSHAPES)) ** 2)
        mouth = [values[name] for name in ("aa", "ih", "ou", "ee", "oh")]
        assert sum(mouth) <= 1 + 1e-9 and min(mouth) >= -1e-9
        assert all(0 <= value <= 1 for value in values.values())


def test_both_standards_say_the_same():
    values = vrm_expressions(np.random.default_rng(7).uniform(size=len(BLENDSHAPES)))
    pairs = {"A": "aa", "E": "ee", "Joy": "happy", "Sorrow": "sad", "Blink_R": "blinkRight", "LookUp": "lookUp"}
    assert all(values[old] == values[new] for old, new in pairs.items())


def test_no_packet_is_larger_than_an_ethernet_takes_and_none_is_lost_between():
    messages = performance_messages(move(make_times(1)), 0)
    packets = make_packets(messages)
    assert max(map(len, packets)) <= MAX_PACKET_BYTES
    read = [content for packet in packets for content in OscBundle(packet)]
    assert [content.address for content in read] == [message.address for message in messages]
    for content, message in zip(read, messages, strict=True):
        assert list(content) == pytest.approx(list(message.arguments)) if message.arguments else list(content) == []


@contextmanager
def receiver() -> Iterator[tuple[int, list[tuple]]]:
    """Listen on a port of this machine; what arrives stands in the list as (address, *arguments)."""
    received: list[tuple] = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *arguments: received.append((address, *arguments)))
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1], received
        finally:
            server.shutdown()
            thread.join(5)


def wait_for(received: list[tuple], count: int) -> None:
    end = time.monotonic() + 10
    while len(received) < count and time.monotonic() < end:
        time.sleep(0.01)


def test_a_receiver_gets_every_value_of_every_frame():
    performance = move(make_times(4, Fraction(200)))
    expected = [message for frame in range(4) for message in performance_messages(performance, frame)]
    with receiver() as (port, received):
        with VmcSender("127.0.0.1", port) as sender:
            stream(performance, sender)
        wait_for(received, len(expected))
    assert len(received) == len(expected)
    for (address, *arguments), message in zip(received, expected, strict=True):
        assert address == message.address
        numbers = [value for value in message.arguments if not isinstance(value, str)]
        assert [a for a in arguments if not isinstance(a, str)] == pytest.approx(numbers, abs=1e-6)
        assert [a for a in arguments if isinstance(a, str)] == [a for a in message.arguments if isinstance(a, str)]


class Recorder(VmcSender):
    """Notes when each frame was sent, on a clock that only sleeping moves."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.sent: list[tuple[float, float]] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def send(self, messages: Sequence[Message]) -> None:
        self.sent.append((self.now, by_address(messages, "/VMC/Ext/T")[0][0]))
        self.now += 0.004


@pytest.mark.parametrize("pts", [[0, 33, 67, 150, 400], [700, 733, 766, 800]])
def test_frames_are_sent_when_their_time_has_come(pts):
    times = FrameTimes(np.array(pts, dtype=np.int64), Fraction(1, 1000))
    recorder, done = Recorder(), []
    stream(
        move(times),
        recorder,
        on_progress=lambda *counts: done.append(counts),
        clock=lambda: recorder.now,
        sleep=recorder.sleep,
    )
    sent_at, stamps = np.array(recorder.sent).T
    np.testing.assert_allclose(sent_at - 100, (times.pts - times.pts[0]) / 1000, atol=1e-9)
    np.testing.assert_allclose(stamps, (times.pts - times.pts[0]) / 1000, atol=1e-9)
    assert done[-1] == (len(pts), len(pts))


def test_a_sender_that_is_late_catches_up_and_does_not_drift():
    recorder = Recorder()
    stalls = iter([0.0, 0.5])

    def sleep(seconds: float) -> None:
        recorder.now += seconds + next(stalls, 0.0)

    stream(move(make_times(60)), recorder, clock=lambda: recorder.now, sleep=sleep)
    assert recorder.sent[-1][0] - 100 == pytest.approx(59 / 30, abs=1e-9)


def forbid_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened, or a name looked up")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_no_socket_opens_before_somebody_sends(monkeypatch):
    forbid_sockets(monkeypatch)
    sender = VmcSender("example.org", 39539)
    make_packets(performance_messages(move(make_times(1)), 0))
    assert sender.address == "example.org:39539"


def test_a_stream_goes_to_this_machine_unless_told_otherwise():
    assert VmcSender().address == "127.0.0.1:39539"


def test_nobody_listening_is_no_error():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with VmcSender("127.0.0.1", port) as sender:
        for _ in range(5):
            sender.send([Message("/VMC/Ext/T", (0.0,))])
            time.sleep(0.01)


def test_an_unknown_host_is_refused_in_one_line(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(ExportError, match=r"no-such-host:39539 cannot be reached \(Name or service not known\)"):
        VmcSender("no-such-host").__enter__()


def test_without_python_osc_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pythonosc", None)
    monkeypatch.delitem(sys.modules, "pythonosc.osc_bundle_builder")
    with pytest.raises(ExportError, match=r'run: pip install "perfkit\[export\]"'):
        export_vmc(act_pose(), ExportRequest())


def test_a_track_is_streamed_in_its_own_time():
    track = act_pose(12)
    with receiver() as (port, received):
        start = time.monotonic()
        result = export_vmc(track, ExportRequest(port=port))
        assert time.monotonic() - start >= 11 / 24
        wait_for(received, 12 * 100)
    assert result.target == f"127.0.0.1:{port}"
    stamps = [arguments[0] for address, *arguments in received if address == "/VMC/Ext/T"]
    np.testing.assert_allclose(stamps, np.arange(12) / 24, atol=1e-6)


def test_a_performance_says_when_its_face_was_lost():
    performance = move(make_times(20))
    said = [by_address(performance_messages(performance, frame), "/VMC/Ext/OK")[0][3] for frame in range(20)]
    assert said == performance.face_seen.astype(int).tolist() and 0 < sum(said) < 20
