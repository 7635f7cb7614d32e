"""A page's camera as a WebRTC track, on loopback alone.

    page: camera --VP8, RTP--> aiortc --picture, RTP time--> the page's stamp of that RTP time --> a stamped picture

In: a page's offer; for every picture that it sends, its RTP time and the page's stamp. Out: an answer, and pictures.
RTP carries no capture time, only differences of it. The page reads the RTP times of its own pictures and says which
stamp belongs to each; so the stamps here are the page's own, as on the WebSocket.

What aiortc costs: it takes a picture for complete only when the next one begins, which is one picture later.

Of WebRTC's ways to find each other only one is left: this side gathers 127.0.0.1 and nothing else, asks no server, and
does not read the page's addresses (some are names that only multicast resolves). It answers whoever reaches it there
and knows the password of the offer; from 127.0.0.1 the kernel lets nothing out to another machine.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial

import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError, VideoFrame

from perfkit.errors import ServingError

_log = logging.getLogger(__name__)
HOST = "127.0.0.1"
_TICKS_PER_MS = 90
_MAX_USELESS = 60
"""Pictures in a row that are late, or whose RTP times the page never named: the times have lost each other."""
_NUM_TO_ALIGN = 12
_RATES = "x-google-start-bitrate=3000;x-google-min-bitrate=1500;x-google-max-bitrate=4000"
"""In kbit/s. Loopback has room: Chromium's usual ramp from 300 would smear the face for half a minute."""
_REFUSALS = (
    ValueError, LookupError, TypeError, AttributeError, AssertionError, RuntimeError, InvalidStateError, OperationError,
)  # fmt: skip
"""What aiortc raises at offers that are none."""

OnPicture = Callable[[float, np.ndarray], bool]


class RtpClock:
    """Tells the page's time of a picture from its RTP time.

    aiortc counts ticks from the first picture that came whole, the page from the first that it sent. On a busy machine
    packets are lost and those are two; the intervals between pictures tell how far they are apart.
    """

    def __init__(self) -> None:
        self._last_rtp: int | None = None
        self._ticks = 0
        self._offset_ms = np.inf
        self._known: deque[int] = deque(maxlen=256)
        self._recent: deque[int] = deque(maxlen=_NUM_TO_ALIGN)
        self._shift, self._is_aligned = 0, False

    def note(self, rtp: int, stamp_ms: float) -> None:
        """Take a picture's RTP time (uint32, 90 kHz, wraps) and when the page had encoded it."""
        step = 0 if self._last_rtp is None else (rtp - self._last_rtp + (1 << 31)) % (1 << 32) - (1 << 31)
        self._last_rtp = rtp
        self._ticks += step
        self._known.append(self._ticks)
        self._offset_ms = min(self._offset_ms, stamp_ms - self._ticks / _TICKS_PER_MS)

    def stamp_ms(self, ticks: int) -> float | None:
        """Return when a picture was taken on the page's clock, later by the quickest encoding; None if unknown."""
        self._recent.append(ticks)
        if not self._is_aligned or ticks + self._shift not in self._known:
            self._align()
        if not self._is_aligned or ticks + self._shift not in self._known:
            return None
        return (ticks + self._shift) / _TICKS_PER_MS + self._offset_ms

    def _align(self) -> None:
        """Lay the last pictures onto those that the page told; where they fit in many places, none was lost."""
        if len(self._recent) < _NUM_TO_ALIGN:
            return
        known = set(self._known)
        shifts = [tick - self._recent[-1] for tick in known]
        fitting = [shift for shift in shifts if all(ticks + shift in known for ticks in self._recent)]
        if self._shift not in fitting and len(fitting) == 1:
            self._shift = fitting[0]
        self._is_aligned = self._is_aligned or self._shift in fitting


class PeerCamera:
    """Receives one page's camera until it ends; lives in the event loop.

    Args:
        on_picture: Called with a stamp of the page, ms, and (H, W, 3) uint8 RGB; must not wait. It returns whether
            the picture was in time.
    """

    def __init__(self, on_picture: OnPicture) -> None:
        self._on_picture = on_picture
        self._clock = RtpClock()
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peer.on("track", self._take_track)
        self._drain: asyncio.Task[None] | None = None

    async def answer(self, offer: str) -> str:
        """Return the answer to a page's offer, SDP both.

        Raises:
            ServingError: It is no offer of one camera, or aiortc does not stay on loopback.
        """
        lines = [line for line in offer.splitlines() if not line.startswith(("a=candidate", "a=end-of-candidates"))]
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription("\r\n".join(lines) + "\r\n", "offer"))
            (transceiver,) = self._peer.getTransceivers()
            if transceiver.kind != "video" or self._peer.sctp is not None:
                raise ValueError("it holds more or other than a camera")
            gatherer = transceiver.receiver.transport.transport.iceGatherer
            connection = gatherer._connection  # no public way leads to the addresses that it gathers on
            gather = partial(_gather_loopback, connection.get_component_candidates)
            connection.get_component_candidates = gather  # type: ignore[method-assign]
            await self._peer.setLocalDescription(await self._peer.createAnswer())
        except _REFUSALS as error:
            raise ServingError(f"WebRTC: the page's offer cannot be answered ({error}); reload the page") from error
        if {candidate.ip for candidate in gatherer.getLocalCandidates()} != {HOST}:
            raise ServingError("WebRTC: this aiortc does not stay on loopback; install the one that perfkit pins")
        return _set_rates(self._peer.localDescription.sdp)

    def note_stamp(self, rtp: int, stamp_ms: float) -> None:
        """Take what the page says of a picture that it sends: see `RtpClock.note`."""
        self._clock.note(rtp, stamp_ms)

    async def close(self) -> None:
        """End, and wait until the decoder is gone."""
        if self._drain is not None:
            self._drain.cancel()
        await self._peer.close()

    def _take_track(self, track: MediaStreamTrack) -> None:
        self._drain = asyncio.create_task(self._take_pictures(track))

    async def _take_pictures(self, track: MediaStreamTrack) -> None:
        """Take every picture at once: aiortc's queue has no bound, the show's holds one."""
        num_useless = 0
        while num_useless < _MAX_USELESS:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            assert isinstance(frame, VideoFrame) and frame.pts is not None
            stamp_ms = self._clock.stamp_ms(frame.pts)
            is_useful = stamp_ms is not None and self._on_picture(stamp_ms, frame.to_ndarray(format="rgb24"))
            num_useless = 0 if is_useful else num_useless + 1
        _log.warning("WebRTC: its pictures are late, or their times are lost; they come by WebSocket from now on")
        await self._peer.close()


async def _gather_loopback(gather, component: int, addresses: list[str]):  # type: ignore[no-untyped-def]
    """Gather as aioice does, on loopback instead of what it found."""
    return await gather(component=component, addresses=[HOST])


def _set_rates(answer: str) -> str:
    """Let the page begin sharp, and not follow aiortc's estimate of a path that has no limit."""
    lines = [line for line in answer.splitlines() if not line.endswith("goog-remb")]
    kind = next(line for line in lines if line.startswith("m=video")).split()[3]
    return "\r\n".join([*lines, f"a=fmtp:{kind} {_RATES}", ""])
