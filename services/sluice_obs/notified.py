"""What a bucket's notification configuration becomes with ours in it. Pure."""

from collections.abc import Mapping
from typing import Any

from sluice_obs.selection import PREFIX
from sluice_obs.settings import ObsSettings

LISTS = ("QueueConfigurations", "TopicConfigurations", "LambdaFunctionConfigurations")


def with_ours(found: Mapping[str, Any], settings: ObsSettings, name: str, target: str) -> dict[str, Any] | None:
    """The whole configuration to write, because a store knows no other way; None if ours is there already. Of what is there only an entry
    with our name is replaced."""
    ours = entry(settings, name, target)
    place = "TopicConfigurations" if ":sns:" in target else "QueueConfigurations"
    mine = [(field, one) for field in LISTS for one in found.get(field, ()) if one.get("Id") == name]
    if [(field, _comparable(one)) for field, one in mine] == [(place, _comparable(ours))]:
        return None
    kept = {field: [one for one in found.get(field, ()) if one.get("Id") != name] for field in LISTS}
    kept[place].append(ours)
    written: dict[str, Any] = {field: entries for field, entries in kept.items() if entries}
    if "EventBridgeConfiguration" in found:
        written["EventBridgeConfiguration"] = found["EventBridgeConfiguration"]
    return written


def entry(settings: ObsSettings, name: str, target: str) -> dict[str, Any]:
    """Ours. The filter holds only what is given: a store takes an empty rule for a mistake."""
    made: dict[str, Any] = {
        "Id": name,
        "TopicArn" if ":sns:" in target else "QueueArn": target,
        "Events": sorted(PREFIX + event for event in settings.selection.events),
    }
    rules = [{"Name": rule, "Value": value} for rule, value in (("prefix", settings.prefix), ("suffix", settings.suffix)) if value]
    return made | ({"Filter": {"Key": {"FilterRules": rules}}} if rules else {})


def _comparable(one: Mapping[str, Any]) -> Any:
    """Stores write the names of rules as they like, and lists in any order."""
    rules = one.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    target = one.get("QueueArn") or one.get("TopicArn")
    return target, sorted(one.get("Events", ())), sorted((rule["Name"].lower(), rule["Value"]) for rule in rules)
