"""Reading safetensors files that may come from anywhere: whatever is wrong with one becomes a ValueError of one line.

In: a path. Out: NumPy arrays and the JSON header that the file carries. The library's own reader lets a KeyError or an
AttributeError out for numbers that NumPy lacks, and Python's JSON a RecursionError.
"""

import json
from pathlib import Path

import numpy as np
import safetensors

from perfkit.files import is_file

_KNOWN_DTYPES = frozenset({"BOOL", "U8", "I8", "I16", "I32", "I64", "F16", "F32", "F64"})


def read_array_file(path: Path, header_key: str = "") -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Return a file's arrays, and the JSON object that its metadata holds under a key (empty where there is none).

    Raises:
        ValueError: It is no safetensors file, is damaged, or holds numbers or a header that cannot be read.
    """
    if not is_file(path):
        raise ValueError("no such file")
    try:
        with safetensors.safe_open(path, framework="np") as file:
            header = _read_header((file.metadata() or {}).get(header_key, "{}"))
            names = list(file.keys())
            for name in names:
                dtype = file.get_slice(name).get_dtype()
                if dtype not in _KNOWN_DTYPES:
                    raise ValueError(f"array {name[:40]!r} has numbers of an unknown kind, {dtype}")
            return {name: file.get_tensor(name) for name in names}, header
    except (safetensors.SafetensorError, OSError) as error:
        raise ValueError(str(error)) from error


def _read_header(text: str) -> dict[str, object]:
    try:
        header = json.loads(text)
    except RecursionError:
        raise ValueError("its header is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return header
