"""`POST /v3/auth/tokens`: a token for an access key and its secret, asked for and answered as clients of the IAM service know it."""

import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec

from sluice.auth_token import AuthToken, issue
from sluice.catalog import Key, Snapshot
from sluice.clock import Clock
from sluice.identity import RIGHTS
from sluice.metrics import Counter
from sluice_gateway.doorkeeper import may_log_in
from sluice_gateway.refusal import Answer
from sluice_gateway.throttle import Throttle

PATH = b"/v3/auth/tokens"
MAX_BODY = 16 * 1024
BURST, EVERY_S = 10, 6.0
"""Failures that one address may have at once, and how soon it has one more."""
KEY_BURST, KEY_EVERY_S = 30, 2.0
"""The same for one key, wherever they come from."""
_NOBODY = "the secret of nobody, so that an unknown key costs the same time as a wrong secret"


class _Named(msgspec.Struct):
    id: str = ""
    name: str = ""


class _User(_Named):
    password: str = ""
    domain: _Named | None = None


class _Password(msgspec.Struct):
    user: _User


class _Half(msgspec.Struct):
    key: str


class _AkSk(msgspec.Struct):
    access: _Half
    secret: _Half


class _Identity(msgspec.Struct):
    methods: list[str]
    password: _Password | None = None
    hw_ak_sk: _AkSk | None = None


class _Scope(msgspec.Struct):
    project: _Named | None = None
    domain: _Named | None = None


class _Auth(msgspec.Struct):
    identity: _Identity
    scope: _Scope | None = None


class _Body(msgspec.Struct):
    auth: _Auth


class Claimed(msgspec.Struct, frozen=True):
    """Who says to be asking, by which method, and for which project ("": its own)."""

    method: str
    access_key: str
    secret_key: str
    project_id: str = ""
    project_name: str = ""


class Logins:
    """Refuses in the same words and after the same work whoever is wrong in whatever way."""

    def __init__(self, snapshot: Snapshot, clock: Clock, region: str, refused: Counter) -> None:
        self._snapshot = snapshot
        self._clock = clock
        self._region = region
        self._refused = refused
        self._addresses = Throttle(BURST, EVERY_S)
        self._keys = Throttle(KEY_BURST, KEY_EVERY_S)

    def serve(self, address: str, base_url: str, query: bytes, body: bytes) -> Answer:
        """`address` is the sender's, `base_url` that of the gateway as the sender wrote it."""
        claimed = read(body)
        if claimed is None:
            return _refused(400, "FSS.0400", "The body is not {auth: {identity: {methods: [password] or [hw_ak_sk], ...}}}.")
        now = self._clock.monotonic()
        wait_s = max(self._addresses.wait_s(address, now), self._keys.wait_s(claimed.access_key, now))
        if wait_s:
            return _refused(429, "FSS.0429", "Too many failed logins.", wait_s)
        key = self._key(claimed)
        if key is None:
            self._addresses.failed(address, now)
            self._keys.failed(claimed.access_key, now)
            self._refused.add("login")
            return _refused(401, "FSS.0401", "The user name or the password is wrong.")
        text, token = issue(key, self._clock.time())
        catalog = [] if "nocatalog" in parse_qs(query.decode("latin-1"), keep_blank_values=True) else [self._service(key, base_url)]
        content = json.dumps({"token": self._told(key, token, claimed.method, catalog)}).encode()
        headers = [(b"content-type", b"application/json"), (b"x-subject-token", text.encode()), (b"cache-control", b"no-store")]
        return Answer(201, headers, content)

    def _key(self, claimed: Claimed) -> Key | None:
        key = self._snapshot.keys.get(claimed.access_key)
        secret = key.secret_key if key else _NOBODY
        matches = hmac.compare_digest(secret.encode(), claimed.secret_key.encode())
        if not matches or key is None or not may_log_in(key) or (key.expires and key.expires <= self._clock.time()):
            return None
        return key if self._is_of(key, claimed) else None

    def _is_of(self, key: Key, claimed: Claimed) -> bool:
        """A project is called by its id, by its name, or by the region, as FunctionGraph's own projects are."""
        if claimed.project_id:
            return claimed.project_id == key.project
        return claimed.project_name in ("", key.project_name, self._region)

    def _told(self, key: Key, token: AuthToken, method: str, catalog: list[dict[str, Any]]) -> dict[str, Any]:
        domain = {"id": key.project, "name": key.project_name}
        return {
            "expires_at": _moment(token.expires),
            "issued_at": _moment(token.issued),
            "methods": [method],
            "project": {"id": key.project, "name": key.project_name, "domain": domain},
            "user": {"id": key.access_key, "name": key.access_key, "domain": domain, "password_expires_at": ""},
            "roles": [{"id": str(list(RIGHTS).index(key.role)), "name": key.role}],
            "catalog": catalog,
        }

    def _service(self, key: Key, base_url: str) -> dict[str, Any]:
        where = {"region": self._region, "region_id": self._region, "url": f"{base_url}/v2/{key.project}"}
        endpoint = {"id": "functiongraph", "interface": "public", **where}
        return {"id": "functiongraph", "name": "functiongraph", "type": "functiongraph", "endpoints": [endpoint]}


def read(body: bytes) -> Claimed | None:
    """What a body says; None for one that says it in no known way. What else clients send in it is passed over."""
    try:
        auth = msgspec.json.decode(body, type=_Body).auth
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    project = (auth.scope.project if auth.scope else None) or _Named()
    match auth.identity:
        case _Identity(["password"], password=_Password(user)):
            return Claimed("password", user.name or user.id, user.password, project.id, project.name)
        case _Identity(["hw_ak_sk"], hw_ak_sk=_AkSk(access, secret)):
            return Claimed("hw_ak_sk", access.key, secret.key, project.id, project.name)
    return None


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _refused(status: int, code: str, message: str, wait_s: float = 0.0) -> Answer:
    """FunctionGraph's error, and that of the IAM service beside it, which is what its clients read."""
    titles = {400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests"}
    error = {"code": status, "message": message, "title": titles[status]}
    headers = [(b"content-type", b"application/json"), *([(b"retry-after", b"%d" % (int(wait_s) + 1))] if wait_s else [])]
    return Answer(status, headers, json.dumps({"error_code": code, "error_msg": message, "error": error}).encode())
