"""What surrounds an instance, by mode.

`root`: namespaces of its own for processes, network, mounts and IPC, a veth pair with a way out, user 1003. `user`: the same namespaces
inside a user namespace, without a way out. `port`: nothing; the function is told a free port of this machine.
In both namespace modes what is listed as hidden is covered, and the code is at /opt/function/code.
"""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress

from sluice_runner.forkserver import kernel, netlink, wire

FUNCTION_USER = 1003
CODE_FOLDER = "/opt/function/code"
_EMPTY = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
_PLAIN = kernel.MS_NOSUID | kernel.MS_NODEV
_NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC
_MODES = {"port": 0, "user": _NAMESPACES | kernel.CLONE_NEWUSER, "root": _NAMESPACES}
_KEPT_FLAGS = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC


def namespaces(mode: str) -> int:
    """The clone flags of a mode."""
    return _MODES[mode]


class Sandbox:
    """The surroundings of one agent. `host` is a netlink conversation with the machine's own network."""

    def __init__(self, plan: wire.Message, host: netlink.Netlink | None) -> None:
        self._plan = plan
        self._host = host
        self._code = -1

    @property
    def members(self) -> list[str]:
        """Files of control groups into which the function's process writes itself."""
        members: list[str] = self._plan["members"]
        return members

    def prepare(self) -> None:
        """Everything that does not depend on the function. Raises OSError."""
        if self._plan["mode"] == "port":
            return
        if self._plan["mode"] == "user":
            _map_user(self._plan["uid"], self._plan["gid"])
        self._prepare_mounts()
        self._prepare_network()

    def admit(self, folder: str) -> str:
        """Make the folder of the code visible, read-only, and say where it is."""
        if self._plan["mode"] == "port":
            return folder
        kernel.mount(f"/proc/self/fd/{self._code}/{os.path.basename(folder)}", CODE_FOLDER, flags=kernel.MS_BIND)
        os.close(self._code)
        kernel.mount("", CODE_FOLDER, flags=kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | _locked_flags(CODE_FOLDER))
        return CODE_FOLDER

    def _prepare_mounts(self) -> None:
        kernel.mount("", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
        self._code = os.open(self._plan["code"], os.O_PATH | os.O_CLOEXEC)
        for path in self._plan["hidden"]:
            kernel.mount("hidden", path, "tmpfs", _EMPTY, "size=4k,mode=000")
        for path, size in (("/tmp", "512m"), ("/var/tmp", "64m"), ("/dev/shm", "64m")):  # noqa: S108 - replaced by private ones
            if os.path.isdir(path):
                kernel.mount("private", path, "tmpfs", _PLAIN, f"size={size},mode=1777")
        _make_code_folder()
        _replace_resolver(self._plan["resolver"])
        with suppress(PermissionError):  # a user namespace may not where parts of /proc are covered
            kernel.mount("proc", "/proc", "proc", _PLAIN | kernel.MS_NOEXEC)

    def _prepare_network(self) -> None:
        inside = netlink.Netlink()
        netlink.bring_up(inside, netlink.index_of(inside, "lo"))
        network = self._plan.get("network")
        if network and self._host:
            _connect(self._host, inside, network)
        inside.close()


def _connect(host: netlink.Netlink, inside: netlink.Netlink, network: wire.Message) -> None:
    namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    netlink.add_pair(host, network["device"], network["mtu"], namespace)
    os.close(namespace)
    outer = netlink.index_of(host, network["device"])
    netlink.add_address(host, outer, network["gateway"], 30)
    netlink.bring_up(host, outer, forwarding=True)
    inner = socket.if_nametoindex("eth0")
    netlink.add_address(inside, inner, network["address"], 30)
    netlink.bring_up(inside, inner)
    netlink.add_default_route(inside, inner, network["gateway"])


def _map_user(uid: int, gid: int) -> None:
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{FUNCTION_USER} {uid} 1"),
        ("gid_map", f"{FUNCTION_USER} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(content)


def _make_code_folder() -> None:
    """/opt/function/code, with all else in /opt as it was."""
    if os.path.isdir(CODE_FOLDER):
        return
    kept = list(_open_entries("/opt"))
    kernel.mount("opt", "/opt", "tmpfs", _PLAIN, "size=64k,mode=755")
    for name, descriptor in kept:
        _put_back(f"/opt/{name}", descriptor)
        os.close(descriptor)
    os.makedirs(CODE_FOLDER)


def _open_entries(folder: str) -> Iterator[tuple[str, int]]:
    for name in os.listdir(folder):
        yield name, os.open(f"{folder}/{name}", os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)


def _put_back(path: str, descriptor: int) -> None:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink("", dir_fd=descriptor), path)
        return
    if stat.S_ISDIR(mode):
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    kernel.mount(f"/proc/self/fd/{descriptor}", path, flags=kernel.MS_BIND | kernel.MS_REC)


def _replace_resolver(content: str) -> None:
    """Name servers that can be reached from here; one on the machine's loopback cannot."""
    target = os.path.realpath("/etc/resolv.conf")
    if not content or not os.path.exists(target):
        return
    source = os.path.dirname(CODE_FOLDER) + "/resolv.conf"
    with open(source, "w") as file:
        file.write(content)
    kernel.mount(source, target, flags=kernel.MS_BIND)


def _locked_flags(path: str) -> int:
    """Flags of a mount that a user namespace may not take away."""
    flags = os.statvfs(path).f_flag
    kept = flags & (_KEPT_FLAGS | os.ST_NOATIME | os.ST_NODIRATIME)
    return kept | kernel.MS_NOSUID | kernel.MS_NODEV | (kernel.MS_RELATIME if flags & os.ST_RELATIME else 0)
