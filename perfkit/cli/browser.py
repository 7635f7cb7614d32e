"""Opening a page in the person's browser, for verbs that serve one."""

import threading


def open_browser(address: str) -> None:
    """Open an address; a browser that keeps its caller waiting, as those of a terminal do, holds nothing up."""
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), name="perfkit-browser", daemon=True).start()
