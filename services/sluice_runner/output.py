"""What one instance prints, and what the platform says of it: to the function's log, with the event it is most likely about."""

from sluice.event import id_text
from sluice.function import Function
from sluice.outcome import Reply
from sluice_runner.logs import LineCutter, LogStore, finish_text, start_text

TAIL_BYTES = 4096


class Output:
    """With one call at a time each line belongs to that call; an instance that runs several does not say which of them printed."""

    def __init__(self, logs: LogStore, function: Function, instance: str) -> None:
        self._logs = logs
        self._function = function
        self._instance = instance
        self._log = logs.log_of(function.urn)
        self._cutters = {"stdout": LineCutter(), "stderr": LineCutter()}
        self._alone = function.instance_concurrency <= 1
        self._event = b""
        self._tails: dict[bytes, bytearray] = {}
        self.has_printed = False

    def began(self, event: bytes, *, tail: bool) -> bool:
        """A call was sent to the instance: what it prints from now on is about it. Whether its start was written; with `tail` it is."""
        if self._alone:
            self._event = event
        if tail:
            start = start_text(self._logs.now(), id_text(event), self._function.urn.rpartition(":")[2])
            self._tails[event] = bytearray(f"{start}\n".encode())
        return self._logs.began(self._log, self._function.urn, self._instance, event, always=tail)

    def finished(self, event: bytes, reply: Reply) -> None:
        """For calls whose start was written."""
        used, failure = reply.memory_mb, reply.failure
        text = (
            f"duration: {reply.duration_ms:.3f}ms, billing duration: {reply.billed_ms}ms, "
            f"memory used: {used:.3f}MB, billing memory: {self._function.memory_mb}MB"
        )
        text += f", error: {failure.kind}: {failure.message}" if failure else ""
        self._logs.finished(self._log, self._function.urn, self._instance, event, text)
        if event in self._tails:
            tail = self._tails[event]
            tail += b"" if tail.endswith(b"\n") else b"\n"
            tail += f"{finish_text(self._logs.now(), id_text(event), text)}\n".encode()

    def printed(self, stream: str, data: bytes) -> None:
        self.has_printed = True
        for tail in self._tails.values():
            tail += data
            del tail[:-TAIL_BYTES]
        for text in self._cutters[stream].cut(data):
            self._logs.printed(self._log, self._function.urn, self._instance, stream, text, self._event)

    def said(self, text: str) -> None:
        """A line of the platform's own."""
        self._logs.printed(self._log, self._function.urn, self._instance, "platform", text)

    def take_tail(self, event: bytes) -> str:
        """The call's log from its start on, at most the last 4,096 bytes."""
        return self._tails.pop(event, b"")[-TAIL_BYTES:].decode(errors="replace")

    def end(self, reason: str) -> None:
        """The instance is gone: its unfinished lines, and why."""
        for stream, cutter in self._cutters.items():
            for text in cutter.end():
                self._logs.printed(self._log, self._function.urn, self._instance, stream, text, self._event)
        self.said(f"Instance ended: {reason}")
