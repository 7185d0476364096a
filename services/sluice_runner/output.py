"""What one instance prints, and what the platform says of it: to the function's log, with the event it is most likely about."""

from sluice.function import Function
from sluice.outcome import Reply
from sluice_runner.logs import LineCutter, LogStore

TAIL_BYTES = 4096


class Output:
    def __init__(self, logs: LogStore, function: Function, instance: str) -> None:
        self._logs = logs
        self._function = function
        self._instance = instance
        self._log = logs.log_of(function.urn)
        self._cutters = {"stdout": LineCutter(), "stderr": LineCutter()}
        self._event = b""
        self._tail: bytearray | None = None
        self.has_printed = False

    def began(self, event: bytes, *, tail: bool) -> bool:
        """A call was sent to the instance: what it prints from now on is about it. Whether its start was written."""
        self._event = event
        if tail:
            self._tail = bytearray()
        return self._logs.began(self._log, self._function.urn, self._instance, event)

    def finished(self, event: bytes, reply: Reply) -> None:
        """For calls whose start was written."""
        used, failure = reply.memory_mb, reply.failure
        text = (
            f"duration: {reply.duration_ms:.3f}ms, billing duration: {int(reply.duration_ms) + 1}ms, "
            f"memory used: {used:.3f}MB, billing memory: {self._function.memory_mb}MB"
        )
        text += f", error: {failure.kind}: {failure.message}" if failure else ""
        self._logs.finished(self._log, self._function.urn, self._instance, event, text)

    def printed(self, stream: str, data: bytes) -> None:
        self.has_printed = True
        if self._tail is not None:
            self._tail += data
            del self._tail[:-TAIL_BYTES]
        for text in self._cutters[stream].cut(data):
            self._logs.printed(self._log, self._function.urn, self._instance, stream, text, self._event)

    def said(self, text: str) -> None:
        """A line of the platform's own."""
        self._logs.printed(self._log, self._function.urn, self._instance, "platform", text)

    def take_tail(self) -> str:
        """What was printed since the call began, at most the last 4,096 bytes."""
        tail, self._tail = self._tail, None
        return tail.decode(errors="replace") if tail else ""

    def end(self, reason: str) -> None:
        """The instance is gone: its unfinished lines, and why."""
        for stream, cutter in self._cutters.items():
            for text in cutter.end():
                self._logs.printed(self._log, self._function.urn, self._instance, stream, text, self._event)
        self.said(f"Instance ended: {reason}")
