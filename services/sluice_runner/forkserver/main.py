"""The fork server: forks an agent for each instance, reports which have ended, and ends with its engine, taking all agents along."""

import os
import select
import signal
import socket
import time
from contextlib import suppress

from sluice_runner.forkserver import agent, kernel, netlink, sandbox, wire

_END_WITHIN_S = 5.0


class ForkServer:
    def __init__(self, control: socket.socket, wake: int) -> None:
        self._control = control
        self._wake = wake
        self._agents: set[int] = set()

    def run(self) -> None:
        """Serve until the engine's end of the control socket is closed."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._reap()
            if self._control.fileno() in ready and not self._serve():
                return

    def end(self) -> None:
        """The agents' own sockets have closed with ours, so that each ends its function; those that have not in time are killed."""
        deadline = time.monotonic() + _END_WITHIN_S
        while self._agents and time.monotonic() < deadline:
            select.select([self._wake], [], [], 0.1)
            self._reap()
        for process in self._agents:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        with suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)

    def _serve(self) -> bool:
        message, descriptors = wire.receive(self._control)
        if message is None:
            return False
        control, out, err = descriptors
        host = netlink.Netlink() if message.get("network") else None
        try:
            process = kernel.clone(sandbox.namespaces(message["mode"]))
        except OSError as error:
            self._answer({"op": "refused", "slot": message["slot"], "error": str(error)})
        else:
            if process == 0:
                self._become_agent(sandbox.Sandbox(message, host), control, out, err)
            self._agents.add(process)
            self._answer({"op": "forked", "slot": message["slot"], "process": process})
        if host is not None:
            host.close()
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def _become_agent(self, surroundings: sandbox.Sandbox, control: int, out: int, err: int) -> None:
        """In the child: never returns."""
        try:
            self._control.close()
            os.close(self._wake)
            agent.main(socket.socket(fileno=control), out, err, surroundings)
        finally:
            os._exit(70)

    def _reap(self) -> None:
        while True:
            try:
                process, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not process:
                return
            self._agents.discard(process)
            self._answer({"op": "reaped", "process": process})

    def _answer(self, message: wire.Message) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            wire.send(self._control, message)


def main(control: str, lock: str, user: str, clean: str) -> None:
    """`lock` is only held. `user`: give up root for this user (0: stay). `clean`: whose traces to remove at the end, if any."""
    for descriptor in (int(control), int(lock)):
        os.set_inheritable(descriptor, False)
    wake = agent.wake_on_child_end()
    if int(user) and os.getuid() == 0:
        _become(int(user))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server = ForkServer(socket.socket(fileno=int(control)), wake)
    wire.send(server._control, {"op": "ready"})
    try:
        server.run()
    finally:
        server.end()
        if clean:
            _clean(clean)


def _become(user: int) -> None:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    kernel.own_proc_files()


def _clean(identity: str) -> None:
    """What the engine made on the machine and can no longer remove if it was killed. Imported here: most of the time it is not needed."""
    from sluice_runner.cgroups import Cgroups
    from sluice_runner.host_network import HostNetwork

    with suppress(OSError):
        HostNetwork(identity).close()
    with suppress(OSError):
        Cgroups(f"sluice-{identity}").close()
