"""The camera by WebRTC: on loopback alone, stamped by the page, and by WebSocket where it does not come up."""

import asyncio
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from live_page import open_page, wait_for
from live_stage import Stage
from playwright.sync_api import BrowserContext, Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from perfkit.errors import ServingError
from perfkit.inference.live.show import WEBRTC
from perfkit.inference.live.webrtc import PeerCamera, RtpClock

ADDRESS = re.compile(r'inet_addr\("([^"]+)"|inet_pton\(AF_INET6, "([^"]+)"')
HIDE_ADDRESSES = r"""
  const take = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    return take.call(this, { type, sdp: sdp.replace(/a=(candidate|end-of-candidates).*\r\n/g, "") });
  };
"""


async def make_offer(*kinds: str) -> str:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for kind in kinds:
        peer.createDataChannel("x") if kind == "data" else peer.addTransceiver(kind, direction="sendonly")
    offer = (await peer.createOffer()).sdp
    await peer.close()
    return offer


async def answer(offer: str) -> str:
    camera = PeerCamera(lambda stamp_ms, image_rgb: True)
    try:
        return await camera.answer(offer)
    finally:
        await camera.close()


def test_pictures_have_the_pages_stamps_to_the_tick() -> None:
    clock, start = RtpClock(), (1 << 32) - 4000
    taken_ms = 1000 + 33.3 * np.arange(20)
    encoding_ms = [9, 7, 4, 30, 5, 6, 5, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]
    ticks = [round(90 * (at - taken_ms[0])) for at in taken_ms]
    for tick, at, late in zip(ticks, taken_ms, encoding_ms, strict=True):
        clock.note((start + tick) % (1 << 32), at + late)
    stamps = [clock.stamp_ms(tick) for tick in ticks]
    assert stamps[:11] == [None] * 11
    np.testing.assert_allclose(np.array(stamps[11:], float) - taken_ms[11:], 4, atol=1 / 90)
    assert clock.stamp_ms(ticks[3] + 1) is None


def test_stamps_are_right_though_the_first_pictures_were_lost() -> None:
    clock, num_lost = RtpClock(), 7
    taken_ms = np.cumsum(33 + np.random.default_rng(0).integers(-3, 4, 60))
    for at in taken_ms:
        clock.note(int(90 * at), float(at))
    stamps = [clock.stamp_ms(int(90 * (at - taken_ms[num_lost]))) for at in taken_ms[num_lost:]]
    assert stamps[:11] == [None] * 11
    np.testing.assert_allclose(np.array(stamps[11:], float), taken_ms[num_lost + 11 :])


def test_the_answer_names_loopback_alone() -> None:
    sdp = asyncio.run(answer(asyncio.run(make_offer("video"))))
    candidates = [line.split()[4] for line in sdp.splitlines() if line.startswith("a=candidate")]
    assert candidates == ["127.0.0.1"]


@pytest.mark.parametrize("kinds", [("audio",), ("data",), ("video", "audio"), ("video", "data"), ("video", "video")])
def test_an_offer_of_more_or_other_than_a_camera_is_refused(kinds: tuple[str, ...]) -> None:
    with pytest.raises(ServingError, match=r"the page's offer cannot be answered .*; reload the page"):
        asyncio.run(answer(asyncio.run(make_offer(*kinds))))


def test_garbage_for_an_offer_is_refused_in_one_line() -> None:
    lines = asyncio.run(make_offer("video")).splitlines()
    rng = np.random.default_rng(0)
    for _ in range(150):
        kept = [line for line in lines if rng.random() < 0.9]
        broken = [line[: rng.integers(len(line))] if rng.random() < 0.1 else line for line in kept]
        try:
            assert "a=candidate" in asyncio.run(answer("\r\n".join(broken)))
        except ServingError as error:
            assert "\n" not in str(error)


def test_pictures_whose_times_the_page_never_told_are_not_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("perfkit.inference.live.webrtc._MAX_USELESS", 3)
    taken: list[float] = []

    def take(stamp_ms: float, image_rgb: np.ndarray) -> bool:
        taken.append(stamp_ms)
        return True

    async def send_untold() -> None:
        camera = PeerCamera(take)
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.addTrack(VideoStreamTrack())
        await peer.setLocalDescription(await peer.createOffer())
        answer = await camera.answer(peer.localDescription.sdp)
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        async with asyncio.timeout(20):
            while not caplog.records:
                await asyncio.sleep(0.05)
        await camera.close()
        await peer.close()

    with caplog.at_level(logging.WARNING, "perfkit"):
        asyncio.run(send_untold())
    assert "they come by WebSocket from now on" in caplog.text
    assert taken == []


@pytest.mark.parametrize("stage", [WEBRTC], indirect=True)
@pytest.mark.parametrize(("cookie", "origin"), [("wrong", None), (None, "http://example.org")])
def test_an_offer_without_the_cookie_or_of_another_page_is_never_read(
    stage: Stage, cookie: str | None, origin: str | None
) -> None:
    held = f"perfkit-{stage.server.port}={cookie or stage.server.keys.session}"
    address = f"ws://127.0.0.1:{stage.server.port}/socket"
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(address, origin=Origin(origin or stage.server.root), additional_headers={"Cookie": held}) as client,
    ):
        client.send(json.dumps({"offer": asyncio.run(make_offer("video"))}))
    assert refused.value.response.status_code == 403


def test_a_show_by_websocket_answers_no_offer(stage: Stage) -> None:
    held = f"perfkit-{stage.server.port}={stage.server.keys.session}"
    address = f"ws://127.0.0.1:{stage.server.port}/socket"
    with connect(address, origin=Origin(stage.server.root), additional_headers={"Cookie": held}) as client:
        client.send(json.dumps({"offer": asyncio.run(make_offer("video"))}))
        said = [message for message in (client.recv(5) for _ in range(8)) if isinstance(message, str)]
    assert said
    assert not any("answer" in json.loads(message) for message in said)


@pytest.mark.parametrize("stage", [WEBRTC], indirect=True)
def test_pictures_go_on_by_websocket_when_the_connection_breaks(page: Page, stage: Stage) -> None:
    page.evaluate("perfkit.peer.peer.close()")
    expect(page.locator("#transport")).to_have_text("WebSocket")
    before = page.evaluate("perfkit.state.num_frames")
    wait_for(page, lambda state: state["num_frames"] > before + 10)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [WEBRTC], indirect=True)
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("delete window.RTCRtpScriptTransform", "this browser does not tell the times of WebRTC's pictures"),
        (HIDE_ADDRESSES, "WebRTC did not come up, or broke off"),
    ],
)
def test_pictures_come_by_websocket_where_webrtc_does_not_come_up(
    context: BrowserContext, stage: Stage, script: str, reason: str
) -> None:
    context.add_init_script(script)
    page = open_page(context, stage.server.address)
    expect(page.locator("#transport")).to_have_attribute("title", re.compile(f"{reason}$"), timeout=15_000)
    expect(page.locator("#transport")).to_have_text("WebSocket")
    before = page.evaluate("perfkit.state.num_frames")
    wait_for(page, lambda state: state["num_frames"] > before + 10)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_server_stays_on_loopback(context: BrowserContext, tmp_path: Path, models_dir: Path) -> None:
    log, program = tmp_path / "strace.log", Path(sys.executable).with_name("perfkit")
    tracer = ["strace", "-f", "--seccomp-bpf", "-e", "trace=network", "-o", str(log)]
    command = [*tracer, str(program), "live", "--no-browser", "--transport", WEBRTC, "-o", str(tmp_path)]
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, start_new_session=True
    )
    try:
        assert process.stdout is not None
        page = open_page(context, process.stdout.readline().strip())
        expect(page.locator("#transport")).to_have_text("WebRTC", timeout=20_000)
        page.wait_for_timeout(1000)
    finally:
        os.killpg(process.pid, signal.SIGINT)  # strace itself passes none on
        process.communicate(timeout=60)
    calls = log.read_text().splitlines()
    bound = {address for call in calls if " bind(" in call for address in find_addresses(call)}
    told = {address for call in calls if re.search(r" (connect|send\w+)\(", call) for address in find_addresses(call)}
    assert bound == {"127.0.0.1"}
    assert told
    assert all(is_of_this_machine(address) for address in told), told


def find_addresses(call: str) -> list[str]:
    return [four or six for four, six in ADDRESS.findall(call)]


def is_of_this_machine(address: str) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
    return True
