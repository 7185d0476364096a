"""The agent of one instance: makes its surroundings, starts the function when told to, watches it, hands out sockets to it, and kills
it whole. In a process namespace the agent is process 1, so that nothing of the function outlives it."""

import os
import select
import signal
import socket
import time
from contextlib import suppress

from sluice_runner.forkserver import kernel, launch, sandbox, wire

_FIRST_PROBE_S = 0.001
_QUICK_PROBE_S = 0.004
_SLOW_PROBE_S = 0.025
_QUICK_FOR_S = 1.0


def wake_on_child_end() -> int:
    """A descriptor that becomes readable whenever a child ends."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader


def main(control: socket.socket, out: int, err: int, surroundings: sandbox.Sandbox) -> None:
    """Run one instance from its surroundings to its end."""
    kernel.die_with_parent()
    kernel.adopt_orphans()
    wake = wake_on_child_end()
    try:
        surroundings.prepare()
        launcher = launch.Launcher(out, err, surroundings.members)
    except OSError as error:
        wire.send(control, {"op": "unprepared", "error": f"no surroundings for an instance: {error}"})
        return
    wire.send(control, {"op": "prepared"})
    Agent(control, surroundings, launcher, wake).run()


class Agent:
    def __init__(self, control: socket.socket, surroundings: sandbox.Sandbox, launcher: launch.Launcher, wake: int) -> None:
        self._control = control
        self._surroundings = surroundings
        self._launcher = launcher
        self._wake = wake
        self._process = launcher.process
        self._status: int | None = None
        self._port = 0
        self._started_at = 0.0
        self._probe_at: float | None = None
        self._kill_at: float | None = None

    def run(self) -> None:
        """Until the function has ended or the engine has gone; then nothing of the function is left."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while self._status is None:
            ready = {descriptor for descriptor, _ in poll.poll(self._wait_ms())}
            if self._control.fileno() in ready and not self._obey():
                break
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._reap()
            self._on_time()
        self._end()

    def _wait_ms(self) -> int | None:
        times = [moment for moment in (self._probe_at, self._kill_at) if moment is not None]
        return max(1, int((min(times) - time.monotonic()) * 1000)) if times else None

    def _obey(self) -> bool:
        message, descriptors = wire.receive(self._control)
        for descriptor in descriptors:
            os.close(descriptor)
        if message is None:
            return False
        if message["op"] == "start":
            return self._start(message)
        if message["op"] == "sockets":
            self._give_sockets(message["count"])
        elif message["op"] == "stop":
            return self._stop(message["grace_s"])
        return True

    def _start(self, order: wire.Message) -> bool:
        try:
            order["folder"] = self._surroundings.admit(order["folder"])
            self._launcher.start(order)
        except OSError as error:
            wire.send(self._control, {"op": "unstarted", "error": f"{error.strerror or error}"})
            return False
        self._port = order["port"]
        self._started_at = time.monotonic()
        self._probe_at = self._started_at + _FIRST_PROBE_S
        return True

    def _stop(self, grace_s: float) -> bool:
        if not self._started_at or grace_s <= 0:
            return False
        with suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGTERM)
        self._kill_at = time.monotonic() + grace_s
        return True

    def _on_time(self) -> None:
        now = time.monotonic()
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            self._status = signal.SIGKILL
        if self._probe_at is not None and now >= self._probe_at:
            self._probe(now)

    def _probe(self, now: float) -> None:
        """Try the function's port; the connection that succeeds becomes the first one in use."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
            attempt.settimeout(0.5)
            if attempt.connect_ex(("127.0.0.1", self._port)) == 0:
                self._probe_at = None
                wire.send(self._control, {"op": "listening"}, [attempt.fileno()])
                return
        quick = now - self._started_at < _QUICK_FOR_S
        self._probe_at = now + (_QUICK_PROBE_S if quick else _SLOW_PROBE_S)

    def _give_sockets(self, count: int) -> None:
        """Unconnected sockets that belong to the function's network."""
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
        wire.send(self._control, {"op": "sockets"}, [each.fileno() for each in sockets])
        for each in sockets:
            each.close()

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                process, status = os.waitpid(-1, os.WNOHANG)
                if process == 0:
                    return
                if process == self._process:
                    self._status = status

    def _end(self) -> None:
        """Kill what is left, wait until it is gone, and only then say so."""
        launch.kill_all_children(self._process, alone=os.getpid() == 1)
        with suppress(OSError):
            wire.send(self._control, {"op": "ended", "status": self._status})
