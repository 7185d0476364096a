"""What a task ends with whose parts failed."""

import asyncio

from sluice.errors import foremost


def end_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The foremost failure; or its cancellation, if somebody asked for that at the same moment: it must not be lost."""
    task = asyncio.current_task()
    return asyncio.CancelledError() if task is not None and task.cancelling() else foremost(group)
