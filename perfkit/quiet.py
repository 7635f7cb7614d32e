"""Libraries kept quiet: no look-ups, no spinning threads, nothing on stderr beside the one line that perfkit says."""

import contextlib
import os
import threading
from collections.abc import Iterator

SETTINGS = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "OPENBLAS_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "DIFFUSERS_VERBOSITY": "error",
    "TQDM_DISABLE": "1",
    "GLOG_minloglevel": "2",
}


def settle_libraries() -> None:
    """Set what libraries read in the environment when they load; what is set already stays. Call it before they do.

    Nothing is looked up, no thread spins while another works (OpenBLAS's cost a render a quarter of its speed), no
    bar is shown but ours.
    """
    for name, setting in SETTINGS.items():
        os.environ.setdefault(name, setting)


class _QuietStderr:
    """Sends stderr away while blocks are at work, for C and C++ libraries that have no switch.

    They may be in several threads, and stderr is the whole process's: the first to come sends it away, the last to go
    brings it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = self._kept = 0

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._depth == 0:
                self._kept = os.dup(2)
                sink = os.open(os.devnull, os.O_WRONLY)
                os.dup2(sink, 2)
                os.close(sink)
            self._depth += 1
        try:
            yield
        finally:
            with self._lock:
                self._depth -= 1
                if self._depth == 0:
                    os.dup2(self._kept, 2)
                    os.close(self._kept)


quiet_stderr = _QuietStderr()
