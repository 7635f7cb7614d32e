"""The characters of a show, each with its engine, made in a thread of their own while the last one still plays.

In: the name of a character and a light. Out: `Costume`, when it is ready.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from perfkit.errors import PerfkitError
from perfkit.inference.engine import Engine
from perfkit.inference.job import make_character_engine
from perfkit.inference.live.controls import OWN_LIGHT
from perfkit.inference.live.latest import Latest
from perfkit.inference.live.tailor import tailor
from perfkit.inference.settings import RenderSettings, RuntimeSettings
from perfkit.pack import CharacterPack, load_pack

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Costume:
    """A character ready to play.

    Attributes:
        name: As it was asked for.
        light: As it was asked for.
        pack: The character.
        engine: Made for one frame a call.
    """

    name: str
    light: str
    pack: CharacterPack
    engine: Engine


def make_costume(name: str, light: str, runtime: RuntimeSettings) -> Costume:
    """Load a character and make its engine.

    Raises:
        PerfkitError: The pack or its LoRA is not there, damaged, or may not be rendered.
    """
    pack = load_pack(name)
    hardness, _, side = light.partition(" ")
    caption = None if light == OWN_LIGHT else pack.prompt_in_light(f"{hardness} {side}light")
    settings = RenderSettings(caption=caption)
    return Costume(name, light, pack, make_character_engine(pack, settings, runtime, frames_per_call=1))


class Wardrobe:
    """Makes costumes beside the show.

    Args:
        runtime: Where engines run.
        on_ready: Called with the costume.
        on_refused: Called with the name and one line when there is none.
    """

    def __init__(
        self, runtime: RuntimeSettings, on_ready: Callable[[Costume], None], on_refused: Callable[[str, str], None]
    ) -> None:
        self._runtime, self._on_ready, self._on_refused = runtime, on_ready, on_refused
        self._wishes: Latest[tuple[str, str]] = Latest()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="perfkit-wardrobe", daemon=True)

    def start(self) -> None:
        """Begin to take wishes."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more wishes; one that is being made is let go."""
        self._stop.set()
        self._wishes.close()
        self._thread.join()

    def wish(self, name: str, light: str) -> None:
        """Ask for a costume; a wish that was not begun yet is forgotten."""
        self._wishes.put((name, light))

    def _work(self) -> None:
        while not self._wishes.is_closed:
            if (wish := self._wishes.take()) is None:
                continue
            try:
                name, light = wish
                if not tailor(name, light, cache_dir=self._runtime.cache_dir, stop=self._stop):
                    return
                costume = make_costume(name, light, self._runtime)
            except PerfkitError as error:
                _log.warning("%s: %s", wish[0], error)
                self._on_refused(wish[0], str(error))
            else:
                self._on_ready(costume)
