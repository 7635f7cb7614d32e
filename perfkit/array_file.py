"""Reading safetensors files that may come from anywhere: whatever is wrong with one becomes a ValueError of one line.

In: a path. Out: NumPy arrays and the JSON header that the file carries. The library's own reader lets a KeyError or an
AttributeError out for numbers that NumPy lacks, and Python's JSON a RecursionError. It also holds a whole file in
memory, and so does its writer: what may be as long as a take is read and written here, by parts.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path

import numpy as np
import safetensors

from perfkit.errors import PerfkitError
from perfkit.files import is_file
from perfkit.rows import ScratchFile, iterate_parts

_DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64", "F16": "float16",
    "F32": "float32", "F64": "float64",
}  # fmt: skip
_LENGTH_BYTES = 8
"""A file begins with the length of its header, little-endian; the arrays follow the header without gaps."""
_BLOCK_BYTES = 1 << 20


def read_array_file(path: Path, header_key: str = "") -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Return a file's arrays, and the JSON object that its metadata holds under a key (empty where there is none).

    Raises:
        ValueError: It is no safetensors file, is damaged, or holds numbers or a header that cannot be read.
    """
    with _open(path) as file:
        header = _read_header((file.metadata() or {}).get(header_key, "{}"))
        _read_layout(file)
        return {name: file.get_tensor(name) for name in file.offset_keys()}, header


def map_array_file(
    path: Path, header_key: str, *, check: Callable[[dict[str, object], set[str]], None]
) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Return what `read_array_file` does; the arrays are read-only, and memory holds of them what is looked at.

    They lie in a copy of the file, which may be written anew or be on another machine: what was checked stays as it is.

    Args:
        path: The file.
        header_key: As there.
        check: Called with the header and the arrays' names before anything is copied; refuses them by raising.

    Raises:
        ValueError: As there.
        MediaError: The disk refuses the copy.
    """
    with _open(path) as file, ScratchFile() as copy:
        header = _read_header((file.metadata() or {}).get(header_key, "{}"))
        layout = _read_layout(file)
        check(header, set(layout))
        with path.open("rb") as source:
            start = _LENGTH_BYTES + int.from_bytes(source.read(_LENGTH_BYTES), "little")
            source.seek(start)
            while block := source.read(_BLOCK_BYTES):
                copy.write(np.frombuffer(block, np.uint8))
        if copy.num_bytes != sum(prod(shape) * dtype.itemsize for shape, dtype in layout.values()):
            raise ValueError("it changed while it was read")
        mapped, offset, arrays = copy.map(), 0, {}
        for name, (shape, dtype) in layout.items():
            arrays[name] = np.ndarray(shape, dtype, mapped, offset)
            offset += arrays[name].nbytes
        return arrays, header


def write_array_file(path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write arrays with a first axis of frames, part after part, as the library writes them in one go.

    Raises:
        OSError: The disk refuses.
    """
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    codes = {dtype: code for code, dtype in _DTYPES.items()}
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    offset = 0
    for name in names:
        array = arrays[name]
        stop = offset + array.nbytes
        header[name] = {"dtype": codes[array.dtype.name], "shape": array.shape, "data_offsets": [offset, stop]}
        offset = stop
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(_LENGTH_BYTES, "little") + text)
        for array in (arrays[name] for name in names):
            for part in iterate_parts(len(array), array):
                file.write(np.ascontiguousarray(array[part]).data)


@contextmanager
def _open(path: Path) -> Iterator[safetensors.safe_open]:
    if not is_file(path):
        raise ValueError("no such file")
    try:
        with safetensors.safe_open(path, framework="np") as file:
            yield file
    except safetensors.SafetensorError as error:
        raise ValueError(str(error)) from error
    except OSError as error:
        if isinstance(error, PerfkitError):
            raise
        raise ValueError(str(error)) from error


def _read_layout(file: safetensors.safe_open) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Return shape and dtype of every array, in the order in which they lie in the file."""
    layout = {}
    for name in file.offset_keys():
        lies = file.get_slice(name)
        if lies.get_dtype() not in _DTYPES:
            raise ValueError(f"array {name[:40]!r} has numbers of an unknown kind, {lies.get_dtype()}")
        layout[name] = tuple(lies.get_shape()), np.dtype(_DTYPES[lies.get_dtype()])
    return layout


def _read_header(text: str) -> dict[str, object]:
    try:
        header = json.loads(text)
    except RecursionError:
        raise ValueError("its header is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return header
