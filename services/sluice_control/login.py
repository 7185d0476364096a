"""What `POST /v3/auth/tokens` takes and answers. The gateway serves it by itself; here it is only described."""

from typing import Any, Literal, TypedDict

import msgspec


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """By its id, or by its name."""

    id: str = ""
    name: str = ""


class User(Named, frozen=True, kw_only=True):
    """An access key as the name, its secret as the password."""

    password: str = ""
    domain: Named | None = None


class Password(msgspec.Struct, frozen=True, kw_only=True):
    user: User


class Half(msgspec.Struct, frozen=True, kw_only=True):
    key: str


class AccessAndSecret(msgspec.Struct, frozen=True, kw_only=True):
    access: Half
    secret: Half


class LoginIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What one of `methods` names."""

    methods: list[Literal["password", "hw_ak_sk"]]
    password: Password | None = None
    hw_ak_sk: AccessAndSecret | None = None


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The project that is meant; left out: the key's own."""

    project: Named | None = None
    domain: Named | None = None


class LoginAuth(msgspec.Struct, frozen=True, kw_only=True):
    identity: LoginIdentity
    scope: Scope | None = None


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that are not named here are passed over, as the IAM service's clients send more."""

    auth: LoginAuth


class TokenTold(TypedDict):
    """What a token is good for; the token itself is the header X-Subject-Token."""

    expires_at: str
    issued_at: str
    methods: list[str]
    project: dict[str, Any]
    user: dict[str, Any]
    roles: list[dict[str, Any]]
    catalog: list[dict[str, Any]]


class LoggedIn(TypedDict):
    """Of create_token."""

    token: TokenTold
