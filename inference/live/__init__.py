"""A performer, a camera, a character on the screen: everything at once, in order, and never late for long.

    camera --Latest--> act (track, follow, draw control) --Latest--> draw (network, composite) --Latest--> each viewer
                        ^ body, calibration: looked at beside it

Every queue holds one item and drops the older one: whoever is slow skips pictures, nobody waits, nothing grows.
"""

from perfkit.inference.live.show import LiveShow, ShowOptions

__all__ = ["LiveShow", "ShowOptions"]
