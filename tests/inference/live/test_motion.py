"""Motion for other programs, read back by independent readers: an OSC receiver, a CSV reader."""

import csv
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from live_stage import Stage, feed
from pythonosc.osc_bundle import OscBundle

from perfkit.errors import ExportError, SettingsError
from perfkit.inference.live.acting import Acted
from perfkit.inference.live.motion import VmcOutput
from perfkit.inference.live.serving import OutputOptions, attach_outputs
from perfkit.inference.live.virtual_camera import VirtualCamera
from perfkit.vocabulary import BLENDSHAPE_INDEX


def test_a_vmc_receiver_gets_what_the_character_does(stage: Stage, jpegs: list[bytes]) -> None:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.settimeout(2)
    with ExitStack() as stack:
        stack.callback(receiver.close)
        address = f"127.0.0.1:{receiver.getsockname()[1]}"
        attach_outputs(stack, stage.show, OutputOptions(vmc=address))
        acted: list[Acted] = []
        stage.show.watch(acted=acted.append)
        feed(stage, jpegs)
        time.sleep(0.3)
        values: dict[str, float] = {}
        bones = set()
        receiver.settimeout(0.2)
        try:
            while True:
                for message in OscBundle(receiver.recv(65536)):
                    if message.address == "/VMC/Ext/Blend/Val":
                        values[message.params[0]] = message.params[1]
                    elif message.address == "/VMC/Ext/Bone/Pos":
                        bones.add(message.params[0])
        except TimeoutError:
            pass
    lids = np.array([each.pose.weights[BLENDSHAPE_INDEX["eyeBlinkLeft"]] for each in acted[-8:]])
    assert np.abs(lids - values["EyeBlinkLeft"]).min() < 1e-6
    assert {"Head", "LeftUpperArm", "Hips"} <= bones


def test_a_live_link_file_holds_every_frame(stage: Stage, jpegs: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    with ExitStack() as stack:
        attach_outputs(stack, stage.show, OutputOptions(livelink=path))
        shown = feed(stage, jpegs)
        assert not path.exists()
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= len(shown)
    jaw = np.array([float(row["JawOpen"]) for row in rows[-len(shown) :]])
    wanted = [each.acted.pose.weights[BLENDSHAPE_INDEX["jawOpen"]] for each in shown]
    assert np.allclose(jaw, wanted, atol=1e-6)
    assert len({row["Timecode"] for row in rows}) == len(rows)


@pytest.mark.parametrize("address", ["39539", "host:", "127.0.0.1:0", "127.0.0.1:99999", ":1"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="expected HOST:PORT"):
        VmcOutput(address)


def test_without_a_virtual_camera_one_line_says_what_serves_instead() -> None:
    with pytest.raises(ExportError, match=r"^virtual camera: .*; the page's output view and its motion JPEG stream"):
        VirtualCamera((256, 256))
