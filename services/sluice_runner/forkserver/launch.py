"""From an agent to a function: limits, identity, descriptors, exec. And back: the end of everything it started."""

import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import suppress

from sluice_runner.forkserver import kernel, wire

MAX_OPEN_FILES = 2048
MAX_PROCESSES = 1024


class Launcher:
    """A child that has done beforehand all that does not depend on the function: a control group is joined slowly (tens of milliseconds
    in version 1), and a start must not wait for it."""

    def __init__(self, out: int, err: int, members: list[str]) -> None:
        order_reader, self._order = os.pipe2(os.O_CLOEXEC)
        self._failure, failure_writer = os.pipe2(os.O_CLOEXEC)
        self.process = os.fork()
        if self.process == 0:
            os.close(self._order)
            os.close(self._failure)
            _become_function(order_reader, failure_writer, out, err, members)
        for descriptor in (order_reader, failure_writer, out, err):
            os.close(descriptor)

    def start(self, order: wire.Message) -> None:
        """Returns when the function's program runs. Raises OSError with the reason if it cannot."""
        with os.fdopen(self._order, "wb") as pipe, suppress(BrokenPipeError):
            pipe.write(json.dumps(order).encode())
        with os.fdopen(self._failure, "rb") as pipe:
            reason = pipe.read()
        if reason:
            raise OSError(reason.decode(errors="replace"))


def _become_function(order_reader: int, failure: int, out: int, err: int, members: list[str]) -> None:
    """In the child: never returns."""
    step = "session"
    try:
        os.setsid()
        kernel.die_with_parent()
        for path in members:
            step = f"memory limit ({path})"
            with open(path, "w") as file:
                file.write("0")
        step = "descriptors"
        _take_descriptors(out, err)
        step = "order"
        order = _read_order(order_reader)
        step = "standard input"
        _take_input(order["given"])
        step = "working directory"
        os.chdir(order["folder"])
        step = "identity"
        _take_identity(order)
        step = order["arguments"][0]
        os.execve(order["arguments"][0], order["arguments"], order["environment"])  # noqa: S606 - no shell is the point
    except BaseException as error:
        os.write(failure, f"{step}: {getattr(error, 'strerror', None) or error}".encode())
    finally:
        os._exit(127)


def _read_order(descriptor: int) -> wire.Message:
    with os.fdopen(descriptor, "rb") as pipe:
        order: wire.Message = json.loads(pipe.read())
    return order


def _take_descriptors(out: int, err: int) -> None:
    os.dup2(out, 1)
    os.dup2(err, 2)


def _take_input(given: str) -> None:
    """What is given to an interpreter, which is at its end once that was read; or nothing."""
    if given:
        source = os.memfd_create("server", os.MFD_CLOEXEC)
        os.write(source, given.encode())
        os.lseek(source, 0, os.SEEK_SET)
    else:
        source = os.open("/dev/null", os.O_RDONLY)
    os.dup2(source, 0)


def _take_identity(order: wire.Message) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if order["uid"] is not None:
        with suppress(PermissionError):  # a user namespace has no groups to give up
            os.setgroups([])
        os.setgid(order["gid"])
        os.setuid(order["uid"])
    kernel.gain_no_privileges()
    kernel.die_with_parent()
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)


def kill_all_children(process: int, *, alone: bool) -> None:
    """SIGKILL every descendant and wait for all of them. `alone`: we are process 1, so all others are descendants."""
    with suppress(ProcessLookupError, PermissionError):
        if alone:
            os.kill(-1, signal.SIGKILL)
        elif process:
            os.killpg(process, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            for child in _children():
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            os.waitpid(-1, 0)


def _children() -> Iterator[int]:
    """Ends that are waited for make their children ours, so the list is read anew after each."""
    with suppress(OSError), open("/proc/thread-self/children") as listed:
        yield from map(int, listed.read().split())
