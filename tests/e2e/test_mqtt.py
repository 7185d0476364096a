"""Messages from a real MQTT server to a real function, with what reads them killed on the way."""

import json
import re
import secrets
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.e2e.driver import SLUICE, Sluice, Witness
from tests.mqtt import Publisher
from tests.servers import Mosquitto

EVENTS = 5_000
PREFETCH = 100
INTERRUPTIONS = 3
"""Ends of a connection: the kills, and one more where what is started again gets to know its trigger anew."""
EXAMPLE = Path(__file__).parents[2] / "examples" / "devices"
NUMBER = re.compile(r'"content":(\d+)')


def settings(mosquitto: Mosquitto, topic: str) -> dict[str, object]:
    login = {"access_user": mosquitto.username, "access_password": mosquitto.password}
    return {"connect_address": mosquitto.address, "topics": [topic], "prefetch": PREFETCH, **login}


@pytest.mark.parametrize("named", [True, False])
def test_no_message_is_lost_while_what_reads_them_is_killed(
    sluice: Sluice, mosquitto: Mosquitto, witness: Witness, make_function: Callable[..., str], named: bool
) -> None:
    topic = f"numbers/{secrets.token_hex(4)}"
    own = settings(mosquitto, topic) | ({"id_property": "id"} if named else {})
    trigger = sluice.trigger(make_function(), "IOTDA", own)
    sluice.until_state(trigger, "running")
    messages = ((topic, b"%d" % number) for number in range(EVENTS))
    publisher = Publisher(mosquitto)
    sending = threading.Thread(target=publisher.publish_named if named else publisher.publish_all, args=(messages,))
    sending.start()
    sluice.until_ended(trigger, EVENTS // 10)
    kill(sluice)
    sending.join(60)
    deadline = time.monotonic() + 60
    while lost := set(range(EVENTS)) - seen(witness).keys():
        assert time.monotonic() < deadline, (len(lost), sluice.row(trigger))
        time.sleep(0.1)
    row = sluice.until_ended(trigger, EVENTS)
    assert row["failed"] == row["discarded"] == 0
    twice = row["received"] - EVENTS
    assert twice == sum(seen(witness).values()) - EVENTS
    assert twice <= (0 if named else PREFETCH * INTERRUPTIONS), "more came twice than was here and not yet acknowledged"


def kill(sluice: Sluice) -> None:
    """-9 to all of it, or in a mesh to the trigger's service and then to the dispatcher."""
    if sluice.mesh:
        sluice.kill_service("mqtt")
        sluice.kill_service("dispatcher")
    else:
        sluice.kill()
        sluice.start()


def seen(witness: Witness) -> Counter[int]:
    """How many events told of each number."""
    events = {(event, int(found[1])) for event, _, body in witness.calls() if (found := NUMBER.search(body))}
    return Counter(number for _, number in events)


def test_the_example_says_what_a_device_reports(sluice: Sluice, mosquitto: Mosquitto, tmp_path: Path) -> None:
    folder = tmp_path / "devices"
    shutil.copytree(EXAMPLE, folder)
    content = yaml.safe_load((folder / "sluice.yaml").read_text())
    content["functions"]["devices"]["triggers"][0]["connect_address"] = mosquitto.address
    (folder / "sluice.yaml").write_text(yaml.safe_dump(content))
    command = [str(SLUICE), "apply", "-f", str(folder / "sluice.yaml"), "--data", str(sluice.data)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    urn = next(one["func_urn"] for one in sluice.api("GET", "/fgs/functions")["functions"] if one["func_name"] == "devices")
    (trigger,) = sluice.api("GET", f"/fgs/triggers/{urn.removesuffix(':latest')}")
    sluice.until_state(trigger["trigger_id"], "running")
    Publisher(mosquitto).publish("sensors/kitchen/state", json.dumps({"level": 80}).encode())
    row = sluice.until_ended(trigger["trigger_id"], 1)
    assert row["success"] == 1
