"""Progress bars on stderr: what is done, frames a second, time left. Silent where stderr is not a terminal."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

OnProgress = Callable[[int, int], None]


@contextmanager
def progress_bars(*labels: str, unit: str = "frames") -> Iterator[tuple[OnProgress, ...]]:
    """Show a bar for each stage while the block runs; a bar appears when its stage begins.

    Args:
        labels: What is going on in each stage.
        unit: What is counted.

    Yields:
        A callback (done, total) for each stage; a total of 0 means unknown.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class RateColumn(TextColumn):
        def render(self, task: Task) -> Text:
            rate = task.finished_speed or task.speed
            return Text(f"{rate:5.1f} {unit}/s" if rate else "", style="cyan")

    # A stderr of its own: while a tracker works, the common one is kept quiet.
    with os.fdopen(os.dup(2), "w") as stream:
        console = Console(file=stream)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), RateColumn(""))
        with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:
            yield tuple(_make_callback(progress, label) for label in labels)


def _make_callback(progress, label: str) -> OnProgress:  # type: ignore[no-untyped-def] # rich is imported lazily
    task = progress.add_task(label, start=False, visible=False, total=None)

    def on_progress(done: int, total: int) -> None:
        if not progress.tasks[task].started:
            progress.start_task(task)
        progress.update(task, completed=done, total=total or None, visible=True)

    return on_progress
