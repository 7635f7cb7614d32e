"""One page's WebSocket: its camera goes in, pictures and state come out, and whoever is slow skips pictures.

In: messages of the page, and its camera by WebRTC where the show allows that. Out: messages to it, never more pictures
under way than `_MAX_UNDER_WAY`; a page that does not say which it has seen gets one a second.
"""

import asyncio
import contextlib
import json
import logging
import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from perfkit.errors import PerfkitError
from perfkit.inference.live.acting import Acted
from perfkit.inference.live.camera_frame import CameraFrame
from perfkit.inference.live.drawing import Shown
from perfkit.inference.live.messages import (
    CAMERA,
    CHARACTER,
    LANDMARKS,
    PREVIEW,
    SOUND,
    STAMP,
    pack_landmarks,
    read_message,
    read_sound,
    write_message,
)
from perfkit.inference.live.show import WEBRTC, WEBSOCKET, LiveShow

if TYPE_CHECKING:
    from perfkit.inference.live.webrtc import PeerCamera

_log = logging.getLogger(__name__)
_STATE_SECONDS = 0.25
_MAX_UNDER_WAY = 3
_STALL_SECONDS = 1.0
_MAX_FPS = 70.0
_MAX_TEXT = 4096
_PEER_UP_SECONDS = 0.5
_MAX_LATE_SECONDS = 2.0
TAKEN_OVER = 4001


class PageConnection:
    """Serves one page until it goes, or another takes over.

    Args:
        show: What it plays in.
        socket: Accepted.
    """

    def __init__(self, show: LiveShow, socket: WebSocket) -> None:
        self._show, self._socket = show, socket
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._shown: Shown | None = None
        self._acted: Acted | None = None
        self._offset: float | None = None
        self._peer: PeerCamera | None = None
        self._peer_seconds = -math.inf
        self._received = 0
        self._sent = self._seen_by_page = 0
        self._sent_seconds = -math.inf
        self._next_picture_seconds = 0.0
        self._ended = False

    async def serve(self) -> None:
        """Talk until the page goes."""
        leave = self._show.watch(acted=self._see_acted, shown=self._see_shown)
        tasks = [asyncio.create_task(work()) for work in (self._send_pictures, self._send_states)]
        try:
            await self._receive()
        finally:
            leave()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close_peer()

    async def end(self, reason: str) -> None:
        """Tell the page that another one plays now, and close."""
        self._ended = True
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._socket.close(TAKEN_OVER, reason)

    def _see_acted(self, acted: Acted) -> None:
        self._acted = acted

    def _see_shown(self, shown: Shown) -> None:
        self._shown = shown
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._news.set)

    async def _receive(self) -> None:
        while not self._ended:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if (content := message.get("bytes")) is not None:
                self._take_bytes(content)
            elif len(text := message.get("text") or "") <= _MAX_TEXT:
                await self._take_text(text)

    def _take_bytes(self, content: bytes) -> None:
        message = read_message(content)
        if message is None:
            return
        seconds = self._seconds_of(message.stamp_ms)
        if message.kind == CAMERA:
            self._received = message.number
            self._feed(CameraFrame(message.number, seconds, message.stamp_ms, jpeg=message.body))
        elif message.kind == SOUND and (sound := read_sound(message)) is not None:
            self._show.hear(seconds, *sound)
        elif message.kind == STAMP and self._peer is not None:
            self._peer.note_stamp(message.number, message.stamp_ms)

    def _take_picture(self, stamp_ms: float, image_rgb: np.ndarray) -> bool:
        """Take a picture that came by WebRTC; return whether it was in time."""
        seconds, self._peer_seconds = self._seconds_of(stamp_ms), time.monotonic()
        self._feed(CameraFrame(self._show.num_frames, seconds, stamp_ms, image_rgb=image_rgb))
        return self._peer_seconds - seconds < _MAX_LATE_SECONDS

    def _feed(self, frame: CameraFrame) -> None:
        if frame.seconds >= self._next_picture_seconds:
            self._next_picture_seconds = frame.seconds + 0.5 / _MAX_FPS
            self._show.feed(frame)

    def _seconds_of(self, stamp_ms: float) -> float:
        """Return a stamp of the page on this machine's clock: as late as the quickest message so far allows."""
        now = time.monotonic()
        offset = now - stamp_ms / 1000
        self._offset = offset if self._offset is None else min(self._offset, offset)
        return min(now, stamp_ms / 1000 + self._offset)

    async def _take_text(self, text: str) -> None:
        try:
            command = json.loads(text)
        except ValueError:
            return
        if not isinstance(command, dict):
            return
        if isinstance(command.get("seen"), int):
            self._seen_by_page = command["seen"]
            return
        try:
            if isinstance(offer := command.get("offer"), str):
                await self._answer(offer)
            else:
                await asyncio.to_thread(self._act, command)
        except PerfkitError as error:
            await self._send_json({"refused": str(error)})

    async def _answer(self, offer: str) -> None:
        """Take the camera by WebRTC from now on."""
        if self._show.options.transport != WEBRTC:
            return
        from perfkit.inference.live.webrtc import PeerCamera

        await self._close_peer()
        self._peer = peer = PeerCamera(self._take_picture)
        try:
            await self._send_json({"answer": await peer.answer(offer)})
        except PerfkitError:
            await self._close_peer()
            raise

    async def _close_peer(self) -> None:
        peer, self._peer = self._peer, None
        if peer is not None:
            await peer.close()

    def _act(self, command: dict[str, Any]) -> None:
        """Do what a page asks."""
        match command:
            case {"set": dict(table)}:
                self._show.change(table)
            case {"do": "calibrate"}:
                self._show.calibrate()
            case {"do": "performer", "name": str(name)}:
                self._show.take_performer(name)
            case {"do": "record", "alpha": bool(has_alpha)}:
                self._show.start_recording(has_alpha=has_alpha)
            case {"do": "stop"}:
                self._show.stop_recording()

    async def _send_pictures(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            shown, acted = self._shown, self._acted
            now = time.monotonic()
            is_behind = self._sent - self._seen_by_page >= _MAX_UNDER_WAY
            if shown is None or (is_behind and now - self._sent_seconds < _STALL_SECONDS):
                continue
            self._sent, self._sent_seconds = self._sent + 1, now
            frame = shown.acted.frame
            await self._send(CHARACTER, frame.stamp, await asyncio.to_thread(getattr, shown, "jpeg"))
            if acted is not None and self._show.controls.with_landmarks:
                await self._send(LANDMARKS, frame.stamp, pack_landmarks(acted))
            if acted is not None and self._show.has_own_camera:
                await self._send(PREVIEW, frame.stamp, await asyncio.to_thread(acted.frame.encode))

    async def _send(self, kind: int, stamp_ms: float, body: bytes) -> None:
        await self._socket.send_bytes(write_message(kind, self._received, stamp_ms, body))

    async def _send_states(self) -> None:
        while True:
            is_by_peer = time.monotonic() - self._peer_seconds < _PEER_UP_SECONDS
            transport = WEBRTC if is_by_peer else WEBSOCKET
            state = self._show.describe()
            await self._send_json({"state": state, "received": self._received, "transport": transport})
            await asyncio.sleep(_STATE_SECONDS)

    async def _send_json(self, table: dict[str, Any]) -> None:
        if self._socket.client_state is WebSocketState.CONNECTED:
            await self._socket.send_text(json.dumps(table))
