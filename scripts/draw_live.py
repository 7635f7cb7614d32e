"""Draw README.md's pictures of the live page: headless Chromium performs the sample take, wide and as wide as a phone.

The camera's picture is left out of them: the performer's footage is not ours to publish.
"""

import os
import tempfile
from pathlib import Path

from bench_live import open_performance, write_clock_camera

ROOT = Path(__file__).resolve().parent.parent
TAKE = ROOT / "samples" / "takes" / "WolfgangLanger_Pexels.mp4"
CAMERA = "webcam.mjpeg"
SECONDS_RECORDED = 5.0
PICTURES = {"live": (1280, 720), "live-phone": (390, 844)}


def main() -> None:
    """Write docs/live.png and docs/live-phone.png."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_clock_camera(TAKE, folder / CAMERA)
        os.chdir(folder)  # the browser shows the camera's path as it is given
        with open_performance(Path(CAMERA), "ember", folder) as (_, page):
            page.add_style_tag(content="#camera, #preview { visibility: hidden }")
            page.locator("#backgrounds button").first.click()
            page.get_by_role("button", name="Landmarks").click()
            page.locator("#record").click()
            page.wait_for_timeout(1000 * SECONDS_RECORDED)
            for picture, (width, height) in PICTURES.items():
                page.set_viewport_size({"width": width, "height": height})
                page.wait_for_timeout(500)
                page.screenshot(path=ROOT / "docs" / f"{picture}.png")
            page.locator("#record").click()


if __name__ == "__main__":
    main()
