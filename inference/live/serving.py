"""A show on its page, with everything that hangs on it.

In: options. Out: a server to run.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from perfkit.inference.live.app import MJPEG, OUTPUT, VIEW_PATHS, make_live_app
from perfkit.inference.live.motion import LiveLinkOutput, VmcOutput
from perfkit.inference.live.show import LiveShow, ShowOptions
from perfkit.inference.live.virtual_camera import VirtualCamera
from perfkit.interrupts import held_interrupts
from perfkit.serving import PageServer


@dataclass(frozen=True)
class OutputOptions:
    """Where a show goes besides its page.

    Attributes:
        vmc: "host:port" of a VMC receiver.
        livelink: A Live Link Face CSV to write.
        with_virtual_camera: Whether to be a camera of this machine.
    """

    vmc: str | None = None
    livelink: Path | None = None
    with_virtual_camera: bool = False


@contextmanager
def open_show(options: ShowOptions, outputs: OutputOptions, *, port: int = 0) -> Iterator[PageServer]:
    """Begin a show and all that hangs on it; both end with the block.

    Args:
        options: The show.
        outputs: Where it goes besides the page.
        port: Of the page; 0 = any that is free.

    Yields:
        The page's server, not started yet.

    Raises:
        PerfkitError: What can't be used, in one line, before anything is served.
    """
    show = LiveShow(options)
    with ExitStack() as stack:
        attach_outputs(stack, show, outputs)
        server = PageServer(make_live_app(show), port=port, view_paths=VIEW_PATHS)
        show.outputs = {"page": server.view_address(OUTPUT), "mjpeg": server.view_address(MJPEG)}
        with held_interrupts():
            stack.callback(_stop, show)
            show.start()
        yield server


def _stop(show: LiveShow) -> None:
    with held_interrupts():
        show.stop()


def attach_outputs(stack: ExitStack, show: LiveShow, outputs: OutputOptions) -> None:
    """Let motion and camera outputs watch a show until the stack closes.

    Raises:
        PerfkitError: One of them can't be used.
    """
    if outputs.vmc is not None:
        vmc = VmcOutput(outputs.vmc)
        stack.callback(vmc.close)
        show.watch(acted=vmc.see)
    if outputs.livelink is not None:
        livelink = LiveLinkOutput(outputs.livelink)
        stack.callback(livelink.close)
        show.watch(acted=livelink.see)
    if outputs.with_virtual_camera:
        camera = VirtualCamera(show.canvas_wh)
        stack.callback(camera.close)
        show.watch(shown=camera.see)
