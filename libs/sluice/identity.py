"""Who is asking, and what may be done: the one table of roles."""

from collections.abc import Mapping

import msgspec

RIGHTS: Mapping[str, frozenset[str]] = {
    "admin": frozenset({"known", "read", "write", "invoke", "admin"}),
    "deployer": frozenset({"known", "read", "write", "invoke"}),
    "invoker": frozenset({"known", "invoke"}),
    "reader": frozenset({"known", "read"}),
    "app": frozenset(),
}
"""What a key of each role may do in its project. `known`: what is everybody's who has a key; `read` and `write`: what there is, but not
keys; `invoke`: call functions, and triggers with IAM; `admin`: keys. An `app` only calls triggers with APP, and publishes to topics."""

APP = "app"


class Identity(msgspec.Struct, frozen=True):
    """The sender of a verified request; every read and write is checked against `project`."""

    project: str
    access_key: str
    role: str = "admin"


def may(role: str, right: str) -> bool:
    """A role that is none may do nothing."""
    return right in RIGHTS.get(role, frozenset())
