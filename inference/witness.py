"""Who looks on while a render goes by, and changes nothing.

In: what passes from room to room. Out: nothing; a witness keeps what it wants.
"""

from typing import Protocol

from perfkit.composite import StylizedFrame
from perfkit.control import ControlFrame


class Witness(Protocol):
    """Sees every frame in order; the two methods are called from different threads.

    A render that goes on from kept segments shows their pictures again, without latents, and draws no control for them
    but that of their last frames, which the next ones are steadied with.
    """

    def see_control(self, frame: ControlFrame) -> None:
        """Look at a control picture before the engine is given it."""
        ...

    def see_character(self, frame: StylizedFrame) -> None:
        """Look at the character's picture before it is put over a background."""
        ...
