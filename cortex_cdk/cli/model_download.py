"""Downloads with a progress bar on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cortex_cdk.cli import output

if TYPE_CHECKING:
    from cortex_cdk.models.layout import Export
    from cortex_cdk.spec.s3_uri import S3Uri


def download(uri: S3Uri, cache_dir: Path | None = None) -> Export:
    """``cortex_cdk.models.s3.download`` with a progress bar, which is gone at the end.

    Where stderr is no terminal, one line says that the download begins. A model in the cache shows nothing.
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from cortex_cdk.models import s3

    console = output.console(stderr=True)
    columns = (TextColumn("downloading {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(str(uri), visible=False)
        begun = False

        def advance(done: int, total: int) -> None:
            nonlocal begun
            if not begun and not console.is_terminal:
                output.note(f"downloading {uri} ({total / 1e6:,.1f} MB)")
            begun = True
            bar.update(task, completed=done, total=total, visible=True)

        return s3.download(uri, cache_dir, advance)
