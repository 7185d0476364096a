"""The few system calls that Python 3.11 does not offer. Used by single-threaded programs only."""

import ctypes
import os
import signal

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x4_0000
MS_RELATIME = 0x20_0000

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_SYS_CLONE = {"x86_64": 56, "aarch64": 220}

_libc = ctypes.PyDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def clone(flags: int) -> int:
    """Fork into new namespaces: 0 in the child, its process id in the parent."""
    number = _SYS_CLONE.get(os.uname().machine)
    if number is None:
        raise OSError(f"no namespaces on {os.uname().machine}")
    zero = ctypes.c_long(0)
    return _checked(_libc.syscall(ctypes.c_long(number), ctypes.c_long(flags | signal.SIGCHLD), zero, zero, zero, zero))


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    _checked(_libc.mount(source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), data.encode() or None))


def die_with_parent() -> None:
    """SIGKILL when the parent ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Descendants whose parents end become our children, so that none escapes."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def own_proc_files() -> None:
    """A process that has changed its user owns its files in /proc again."""
    _prctl(_PR_SET_DUMPABLE, 1)


def gain_no_privileges() -> None:
    """Set-uid programs give nothing from here on."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _prctl(option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
