"""Progress bars on stderr: what is done, frames a second, time left. Silent where stderr is not a terminal."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

OnProgress = Callable[[int, int], None]


@contextmanager
def progress_bar(label: str, unit: str = "frames") -> Iterator[OnProgress]:
    """Show a bar while the block runs.

    Args:
        label: What is going on.
        unit: What is counted.

    Yields:
        A callback for (done, total); a total of 0 means unknown.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class RateColumn(TextColumn):
        def render(self, task: Task) -> Text:
            rate = task.finished_speed or task.speed
            return Text(f"{rate:5.1f} {unit}/s" if rate else "", style="cyan")

    # A stderr of its own: while a tracker works, the common one is kept quiet.
    stream = os.fdopen(os.dup(2), "w")
    console = Console(file=stream)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), RateColumn(""))
    with (
        stream,
        Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task(label, total=None)

        def on_progress(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total or None)

        yield on_progress
