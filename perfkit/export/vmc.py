"""VMC protocol: a performance as OSC messages over UDP, for VSeeFace, Warudo, VRM players in Unity, Unreal and Godot.

In: a recorded track, streamed in real time; or one frame's values (`frame_messages`), for whoever performs live.
Out: messages in Unity's axes (left-handed: x to the performer's right, y up, z ahead; metres), rotations local and
against the T-pose. Each frame: OK, T, Root/Pos, Bone/Pos, Blend/Val under ARKit's names as Perfect Sync spells them
and under VRM's 0.x and 1.0 names, Blend/Apply. OK's last number says whether the face is seen; a lost one is bridged,
held or eased to neutral (see `export.performance`). No socket opens before `VmcSender` is entered.
Source: protocol.vmc.info, marionette-spec 2.7.
"""

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from perfkit.errors import ExportError
from perfkit.export import INSTALL_COMMAND, ExportRequest, ExportResult, check_request
from perfkit.export.performance import Performance, clean_performance
from perfkit.export.skeleton import HIPS_CM, JOINTS, OFFSETS_CM
from perfkit.geometry import quaternion_from_rotation
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES

if TYPE_CHECKING:
    from pythonosc.osc_message import OscMessage

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 39539
MAX_PACKET_BYTES = 1400
"""A packet stays whole on its way through an Ethernet."""

_CALIBRATED, _NORMAL_MODE = 3, 0
_BUNDLE_HEADER_BYTES, _SIZE_BYTES = 16, 4
_MIRRORED = np.array([-1.0, 1.0, 1.0])

Argument = str | int | float


@dataclass(frozen=True)
class Message:
    """One OSC message.

    Attributes:
        address: Where it goes, such as "/VMC/Ext/T".
        arguments: Strings, whole numbers (int32) and floats (float32).
    """

    address: str
    arguments: tuple[Argument, ...] = ()


def export_vmc(track: PerformanceTrack, request: ExportRequest) -> ExportResult:
    """Stream a track in real time; the protocol is `export.Exporter`'s.

    Raises:
        ExportError: python-osc is not installed, or the host cannot be reached.
    """
    check_request("vmc", request, takes=frozenset({"host", "port", "calibration"}))
    sender = VmcSender(request.host or DEFAULT_HOST, request.port or DEFAULT_PORT)
    performance = clean_performance(track, request.calibration)
    with sender:
        stream(performance, sender, on_progress=request.on_progress)
    return ExportResult(sender.address, (f"vmc: {len(track)} frames in {performance.seconds[-1]:.1f} s",))


def stream(
    performance: Performance,
    sender: "VmcSender",
    *,
    on_progress: Callable[[int, int], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Send every frame when its time has come, counted from the first one."""
    start = clock()
    for frame, seconds in enumerate(performance.seconds):
        wait = start + seconds - clock()
        if wait > 0:
            sleep(wait)
        sender.send(performance_messages(performance, frame))
        if on_progress is not None:
            on_progress(frame + 1, len(performance))


def performance_messages(performance: Performance, frame: int) -> list[Message]:
    """Return the messages of one frame of a cleaned performance."""
    return frame_messages(
        float(performance.seconds[frame]),
        weights=performance.weights[frame],
        joints=performance.joints[frame],
        hips_cm=performance.hips_cm[frame],
        is_tracked=bool(performance.face_seen[frame]),
    )


def frame_messages(
    seconds: float,
    *,
    weights: np.ndarray,
    joints: np.ndarray,
    hips_cm: np.ndarray = HIPS_CM,
    is_tracked: bool = True,
) -> list[Message]:
    """Return the messages that one frame consists of.

    Args:
        seconds: Time since the beginning.
        weights: (52,) in 0..1, as `vocabulary.BLENDSHAPES`.
        joints: (13, 3, 3) local rotations, rows as `skeleton.JOINTS`.
        hips_cm: (3,), where the hips are.
        is_tracked: Whether the face is seen.
    """
    messages = [
        Message("/VMC/Ext/OK", (1, _CALIBRATED, _NORMAL_MODE, int(is_tracked))),
        Message("/VMC/Ext/T", (float(seconds),)),
        Message("/VMC/Ext/Root/Pos", ("root", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)),
    ]
    places = OFFSETS_CM.copy()
    places[0] = hips_cm
    positions, turns = places * _MIRRORED / 100.0, unity_quaternions(joints)
    for joint, position, turn in zip(JOINTS, positions, turns, strict=True):
        messages.append(Message("/VMC/Ext/Bone/Pos", (joint.name, *map(float, position), *map(float, turn))))
    values = {name[0].upper() + name[1:]: float(weights[row]) for row, name in enumerate(BLENDSHAPES)}
    values |= vrm_expressions(weights)
    messages += [Message("/VMC/Ext/Blend/Val", (name, value)) for name, value in values.items()]
    return [*messages, Message("/VMC/Ext/Blend/Apply")]


def unity_quaternions(rotation: np.ndarray) -> np.ndarray:
    """Return (..., 4) quaternions x, y, z, w in Unity's axes of rotations (..., 3, 3) in the skeleton's.

    Unity's x points the other way: a turn about x stays, turns about y and z change their sign.
    """
    return quaternion_from_rotation(rotation)[..., [1, 2, 3, 0]] * np.array([1.0, -1.0, -1.0, 1.0])


def vrm_expressions(weights: np.ndarray) -> dict[str, float]:
    """Return VRM's expressions, under their 0.x and 1.0 names, of weights (52,).

    Mouth shapes share one mouth: round or wide lips, open or nearly shut, together never more than 1. Each eye blinks
    by itself, so Blink for both stays 0. VRM 0.x has no surprise.
    """

    def of(*names: str) -> float:
        return float(np.mean([weights[BLENDSHAPE_INDEX[name]] for name in names]))

    opened = min(1.0, max(0.0, of("jawOpen") - of("mouthClose")) * 1.5)
    rounded = min(1.0, max(of("mouthPucker"), of("mouthFunnel")))
    wide = min(1.0, 2.0 * of("mouthStretchLeft", "mouthStretchRight")) * (1.0 - rounded)
    brows_up = of("browInnerUp", "browOuterUpLeft", "browOuterUpRight")
    values = {
        ("A", "aa"): opened * (1.0 - rounded - wide),
        ("I", "ih"): (1.0 - opened) * wide,
        ("U", "ou"): (1.0 - opened) * rounded,
        ("E", "ee"): opened * wide,
        ("O", "oh"): opened * rounded,
        ("Blink", "blink"): 0.0,
        ("Blink_L", "blinkLeft"): of("eyeBlinkLeft"),
        ("Blink_R", "blinkRight"): of("eyeBlinkRight"),
        ("Joy", "happy"): of("mouthSmileLeft", "mouthSmileRight"),
        ("Angry", "angry"): of("browDownLeft", "browDownRight"),
        ("Sorrow", "sad"): of("mouthFrownLeft", "mouthFrownRight"),
        ("Fun", "relaxed"): 0.0,
        ("surprised",): brows_up * of("eyeWideLeft", "eyeWideRight"),
        ("LookUp", "lookUp"): of("eyeLookUpLeft", "eyeLookUpRight"),
        ("LookDown", "lookDown"): of("eyeLookDownLeft", "eyeLookDownRight"),
        ("LookLeft", "lookLeft"): of("eyeLookOutLeft", "eyeLookInRight"),
        ("LookRight", "lookRight"): of("eyeLookInLeft", "eyeLookOutRight"),
    }
    return {name: value for names, value in values.items() for name in names}


def make_packets(messages: Sequence[Message]) -> list[bytes]:
    """Return messages as OSC bundles for now, in order, each small enough for one packet."""
    from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder

    packets: list[bytes] = []
    bundle, size = OscBundleBuilder(IMMEDIATELY), _BUNDLE_HEADER_BYTES
    for message in messages:
        content = _encode(message)
        if size + _SIZE_BYTES + content.size > MAX_PACKET_BYTES:
            packets.append(bundle.build().dgram)
            bundle, size = OscBundleBuilder(IMMEDIATELY), _BUNDLE_HEADER_BYTES
        bundle.add_content(content)
        size += _SIZE_BYTES + content.size
    return [*packets, bundle.build().dgram]


def _encode(message: Message) -> "OscMessage":
    from pythonosc.osc_message_builder import OscMessageBuilder

    builder = OscMessageBuilder(message.address)
    for argument in message.arguments:
        kind = "s" if isinstance(argument, str) else "i" if isinstance(argument, int) else "f"
        builder.add_arg(argument, kind)
    return builder.build()


class VmcSender:
    """Sends messages to one receiver; its socket is open inside its `with` block only."""

    def __init__(self, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> None:
        """Name the receiver; nothing is opened or looked up yet.

        Raises:
            ExportError: python-osc is not installed.
        """
        try:
            import pythonosc.osc_bundle_builder  # noqa: F401
        except ImportError as error:
            raise ExportError(f"vmc: needs the package python-osc ({error}); run: {INSTALL_COMMAND}") from error
        self._host, self._port = host, port
        self._socket: socket.socket | None = None

    @property
    def address(self) -> str:
        """The receiver as host:port."""
        return f"{self._host}:{self._port}"

    def __enter__(self) -> Self:
        try:
            family, kind, protocol, _, receiver = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, kind, protocol)
            self._socket.connect(receiver)
        except OSError as error:
            self._close()
            raise self._unreachable(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def send(self, messages: Sequence[Message]) -> None:
        """Send one frame. Nobody listening is no error: they may come later.

        Raises:
            ExportError: There is no way to the receiver.
        """
        assert self._socket is not None, "a VmcSender sends inside its with block"
        for packet in make_packets(messages):
            try:
                self._socket.send(packet)
            except ConnectionRefusedError:
                continue
            except OSError as error:
                raise self._unreachable(error) from error

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _unreachable(self, error: OSError) -> ExportError:
        reason = error.strerror or str(error)
        return ExportError(f"vmc: {self.address} cannot be reached ({reason}); check --host and --port")
