"""Which trigger a request is for. Pure: paths in, a match out."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec

from sluice_gateway.settings import ApigSettings

ANY = "ANY"

T = TypeVar("T")


class Match(msgspec.Struct, Generic[T], gc=False):
    """What was found, and the values of `{parameters}` in its path."""

    target: T
    parameters: dict[str, str]


class _Leaf(Generic[T]):
    """The routes that end at a node, by method."""

    __slots__ = ("methods",)

    def __init__(self) -> None:
        self.methods: dict[str, tuple[T, tuple[str, ...]]] = {}

    def get(self, method: str) -> tuple[T, tuple[str, ...]] | None:
        return self.methods.get(method) or self.methods.get(ANY)


class _Node(Generic[T]):
    __slots__ = ("any", "exact", "named", "prefix")

    def __init__(self) -> None:
        self.named: dict[str, _Node[T]] = {}
        self.any: _Node[T] | None = None
        self.exact: _Leaf[T] = _Leaf()
        self.prefix: _Leaf[T] = _Leaf()

    def child(self, segment: str) -> "_Node[T]":
        if not segment.startswith("{"):
            return self.named.setdefault(segment, _Node())
        self.any = self.any or _Node()
        return self.any


class Routes(Generic[T]):
    """A table of routes. The longest match wins; of equally long ones a named segment beats `{parameter}`, from left to right, an exact
    route beats a prefix, and a method beats ANY. A request whose method fits no route of a path is not for that path."""

    def __init__(self, routes: Iterable[tuple[ApigSettings, T]]) -> None:
        self._root: _Node[T] = _Node()
        self._plain: dict[str, _Leaf[T]] = {}
        for settings, target in routes:
            self._add(settings, target)

    def _add(self, settings: ApigSettings, target: T) -> None:
        node = self._root
        segments = _segments(settings)
        for segment in segments:
            node = node.child(segment)
        exact = settings.match_mode == "NORMAL"
        leaf = node.exact if exact else node.prefix
        names = tuple(segment[1:-1] for segment in segments if segment.startswith("{"))
        leaf.methods.setdefault(settings.req_method, (target, names))
        if exact and not names:
            self._plain[settings.path] = leaf

    def match(self, method: str, raw_path: bytes) -> Match[T] | None:
        """The route of a request's path as it was sent, still escaped."""
        path = raw_path.decode("ascii", "replace")
        leaf = self._plain.get(path)
        if leaf:
            found = leaf.get(method)
            if found:
                return Match(found[0], {})
        if not path.startswith("/"):
            return None
        segments = path[1:].split("/") if b"%" not in raw_path else [_decoded(part) for part in raw_path[1:].split(b"/")]
        return self._search(method, segments)

    def _search(self, method: str, segments: list[str]) -> Match[T] | None:
        best: tuple[int, bool] = (-1, False)
        match: Match[T] | None = None
        for candidate in _walk(self._root, segments, ()):
            found = candidate.leaf.get(method)
            if found and (candidate.depth, candidate.exact) > best:
                best = (candidate.depth, candidate.exact)
                match = Match(found[0], dict(zip(found[1], candidate.values, strict=True)))
        return match


class _Candidate(msgspec.Struct, Generic[T], gc=False):
    leaf: _Leaf[T]
    depth: int
    exact: bool
    values: tuple[str, ...]


def _walk(node: _Node[T], segments: list[str], values: tuple[str, ...], depth: int = 0) -> Iterator[_Candidate[T]]:
    """Every leaf whose path fits; among equally deep ones a named segment comes before a `{parameter}`. Visits each node at most once."""
    if depth == len(segments):
        yield _Candidate(node.exact, depth, True, values)
    else:
        named = node.named.get(segments[depth])
        if named:
            yield from _walk(named, segments, values, depth + 1)
        if node.any and segments[depth]:
            yield from _walk(node.any, segments, (*values, segments[depth]), depth + 1)
    yield _Candidate(node.prefix, depth, False, values)


def _segments(settings: ApigSettings) -> list[str]:
    """A prefix's closing `/` says nothing; an exact path's does."""
    path = settings.path.rstrip("/") if settings.match_mode == "SWA" else settings.path
    return path[1:].split("/") if path else []


def _decoded(segment: bytes) -> str:
    return unquote_to_bytes(segment).decode("utf-8", "replace")
