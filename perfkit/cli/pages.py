"""Serving a local page until Ctrl-C, for verbs that have one."""

import gc
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perfkit.serving import PageServer


def serve_page(server: "PageServer", *, browser: bool) -> None:
    """Print a page's address, perhaps open it, and serve it until Ctrl-C.

    Args:
        server: Not started yet.
        browser: Whether to open the address; a browser that keeps its caller waiting, as those of a terminal do, holds
            nothing up.
    """
    import webbrowser

    print(server.address, flush=True)
    if browser:
        threading.Thread(target=webbrowser.open, args=(server.address,), name="perfkit-browser", daemon=True).start()
    try:
        server.run()
    finally:
        gc.freeze()  # else Python looks through all of torch on its way out: seconds, on a busy machine
