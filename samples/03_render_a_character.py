"""Sample 3: render one performance as every sample character, each on a ground of its own.

python samples/03_render_a_character.py TAKE FOLDER
"""

import sys
from pathlib import Path

from perfkit.inference.render import render_take
from perfkit.inference.settings import RenderSettings, RuntimeSettings
from perfkit.pack import list_character_names, load_pack

GROUNDS = ("#e8ddcb", "#cfe0d8", "#dcd3e6")


def main(take: str, folder: str) -> None:
    """Render a take once per sample character."""
    for number, name in enumerate(list_character_names()):
        # What changes pixels and what does not are two settings; only the first enters a result's identity.
        settings = RenderSettings(seed=7, steps=4, background=GROUNDS[number % len(GROUNDS)])
        runtime = RuntimeSettings(contact_sheet=Path(folder) / f"{name}.png")
        print(render_take(take, load_pack(name), Path(folder) / f"{name}.mp4", settings, runtime))


if __name__ == "__main__":
    main(*sys.argv[1:3])
