"""Who is asking: what a verified signature says about its sender."""

import msgspec


class Identity(msgspec.Struct, frozen=True):
    """The sender of a verified request. `role` is admin, deployer, invoker or reader; every read and write is checked against `project`."""

    project: str
    access_key: str
    role: str = "admin"
