"""Data-parallel training over processes of one machine: every worker holds the same weights and a slice of the batch.

On CPUs two processes of one thread train about twice as fast as one process of two threads. Gradients are summed by
torch.distributed's gloo over the loopback interface; as all workers take the same step, weights never need to be sent.
"""

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from perfkit.errors import PerfkitError, WorkerError

_PATIENCE_SECONDS = 60
"""What the other workers are given to end after this one has."""


@contextmanager
def open_workers(num_workers: int, work: Callable[..., None], arguments: tuple[object, ...]) -> Iterator[None]:
    """Make this process worker 0 inside the block, beside others that call `work(*arguments)`; one thread each.

    All must take the same steps. The others are gone when the block is left, however it is left.

    Raises:
        WorkerError: Another worker ended before its time.
    """
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if num_workers == 1:
            yield
        else:
            with _open_others(num_workers, work, arguments):
                yield
    finally:
        torch.set_num_threads(num_threads)


@contextmanager
def _open_others(num_workers: int, work: Callable[..., None], arguments: tuple[object, ...]) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{Path(folder) / 'rendezvous'}"
        others: list[BaseProcess] = []
        words: list[Connection] = []
        try:
            for index in range(1, num_workers):
                ready, tell = context.Pipe(duplex=False)
                place = (index, num_workers, meeting, tell)
                others.append(context.Process(target=_run_worker, args=(place, work, arguments), daemon=True))
                others[-1].start()
                words.append(ready)
                tell.close()
            for ready, process in zip(words, others, strict=True):
                _wait_until_ready(ready, process)
            _meet(0, num_workers, meeting)
            yield
            for process in others:
                process.join(_PATIENCE_SECONDS)
        except RuntimeError as error:
            _explain(others, error)
            raise
        finally:
            for process in others:
                process.kill()  # before the group ends: who is left alone in it complains
                process.join()
            if dist.is_initialized():
                dist.destroy_process_group()


def _wait_until_ready(ready: Connection, process: BaseProcess) -> None:
    """Wait for a worker's word that it is about to meet the others: who meets nobody waits for long."""
    try:
        ready.recv_bytes()
    except EOFError:
        process.join()
        raise WorkerError(_describe(process)) from None


def _explain(others: Sequence[BaseProcess], error: RuntimeError) -> None:
    """Raise what another worker's end explains: to this one it looks like a broken connection."""
    for process in others:
        process.join(1)
        if process.exitcode:
            raise WorkerError(_describe(process)) from error


def _describe(process: BaseProcess) -> str:
    return f"a process of the training ended with {process.exitcode}; free memory, then run it again: it goes on"


def _run_worker(
    place: tuple[int, int, str, Connection], work: Callable[..., None], arguments: tuple[object, ...]
) -> None:
    index, num_workers, meeting, tell = place
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    tell.send_bytes(b"ready")
    _meet(index, num_workers, meeting)
    try:
        work(*arguments)
    except PerfkitError:
        os._exit(1)  # worker 0 meets the same error, and says it
    finally:
        dist.destroy_process_group()


def _meet(index: int, num_workers: int, meeting: str) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    dist.init_process_group("gloo", init_method=meeting, rank=index, world_size=num_workers)


def end_with_parent() -> None:
    """End this worker when the process that started it is gone, however that ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def worker_index() -> int:
    """Return this worker's index; worker 0 writes checkpoints and progress."""
    return dist.get_rank() if dist.is_initialized() else 0


def worker_count() -> int:
    """Return how many workers share the batch."""
    return dist.get_world_size() if dist.is_initialized() else 1


def worker_rows(batch: int) -> slice:
    """Return the rows of a batch that this worker computes; the batch must divide evenly."""
    if batch % worker_count():
        raise ValueError(f"a batch of {batch} does not divide among {worker_count()} workers")
    share = batch // worker_count()
    return slice(worker_index() * share, (worker_index() + 1) * share)


def worker_numbers(step: int, batch: int) -> range:
    """Return the numbers of the examples that this worker computes in a step, of an endless row of them."""
    rows = worker_rows(batch)
    return range(step * batch + rows.start, step * batch + rows.stop)


def sum_over_workers(tensors: Sequence[Tensor]) -> None:
    """Replace each tensor by its sum over the workers, all in one message."""
    if worker_count() == 1:
        return
    together = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(together)
    for tensor, total in zip(tensors, together.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(total.view_as(tensor))


def average_gradients(parameters: Iterable[nn.Parameter], loss: Tensor) -> Tensor:
    """Average `.grad` of all parameters over the workers, in place; return the mean loss."""
    loss = loss.detach().clone()
    averaged = [*(parameter.grad for parameter in parameters if parameter.grad is not None), loss]
    sum_over_workers(averaged)
    if worker_count() > 1:
        torch._foreach_div_(averaged, worker_count())
    return loss


def agree(flag: bool) -> bool:
    """Return worker 0's flag in every worker once all have asked, so that all stop at the same step."""
    if worker_count() == 1:
        return flag
    dist.barrier()
    shared = torch.tensor([flag])
    dist.broadcast(shared, src=0)
    return bool(shared.item())
