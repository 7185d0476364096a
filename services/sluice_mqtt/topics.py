"""Topics, filters that subscribe to them, and templates that say what they mean. Pure."""

import re
from collections.abc import Iterator, Mapping

LONGEST_TOPIC = 65_535
"""Bytes of a topic, by the protocol."""
NAMES = ("device_id", "product_id", "node_id", "gateway_id")
"""What a template may take out of a topic."""
_NAMED = re.compile(r"\{([^{}]*)\}")


def filter_fault(filter_: str) -> str:
    """What is wrong with a topic filter, "" for nothing."""
    levels = filter_.split("/")
    if not filter_ or "\0" in filter_ or len(filter_.encode()) > LONGEST_TOPIC:
        return f"a filter has 1 to {LONGEST_TOPIC} bytes and no NUL"
    if levels[0] == "$share":
        return "a shared subscription is asked for with share_group or replicas"
    if any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        return "# stands alone and last"
    if any("+" in level and level != "+" for level in levels):
        return "+ stands alone between slashes"
    return ""


def template_fault(template: str) -> str:
    """What is wrong with a template, "" for nothing."""
    names = [found[1] for level in template.split("/") if (found := _NAMED.fullmatch(level))]
    if any(("{" in level or "}" in level) and not _NAMED.fullmatch(level) for level in template.split("/")):
        return "a name in braces stands alone between slashes"
    if unknown := [name for name in names if name not in NAMES]:
        return f"{unknown[0]!r} is none of {', '.join(NAMES)}"
    return filter_fault("/".join("+" if _NAMED.fullmatch(level) else level for level in template.split("/")))


class Template:
    """A filter some of whose levels have names: `$oc/devices/{device_id}/sys/properties/report`."""

    def __init__(self, text: str) -> None:
        self._levels = text.split("/")
        self._names = {place: found[1] for place, level in enumerate(self._levels) if (found := _NAMED.fullmatch(level))}

    def match(self, topic: str) -> Mapping[str, str] | None:
        """The named levels of a topic, None if it is another one. A wildcard at the front does not stand for `$…`, as in MQTT."""
        levels = topic.split("/")
        open_end = self._levels[-1] == "#"
        fixed = self._levels[:-1] if open_end else self._levels
        if len(levels) < len(fixed) or (len(levels) > len(fixed) and not open_end):
            return None
        if topic.startswith("$") and self._levels[0] != levels[0]:
            return None
        for place, level in enumerate(fixed):
            if level not in ("+", levels[place]) and place not in self._names:
                return None
        return {name: levels[place] for place, name in self._names.items()}


def device(found: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Who a message is from, by the names of `NAMES`. A device's id is `<product_id>_<node_id>` where it has both, and a device that no
    gateway speaks for is its own."""
    product, node = found.get("product_id", ""), found.get("node_id", "")
    identity = found.get("device_id", "") or (f"{product}_{node}" if product and node else "")
    before, between, after = identity.partition("_")
    yield "device_id", identity
    yield "node_id", node or (after if between else identity)
    yield "product_id", product or (before if between else "")
    yield "gateway_id", found.get("gateway_id", identity)
