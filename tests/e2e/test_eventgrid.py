"""CloudEvents sent over HTTP to a real function, with what takes them killed on the way, and the sums."""

import http.client
import json
import re
import shutil
import time
import urllib.parse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cloudevents.core.bindings import http as binding
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from sluice.event import MAX_EVENT_BYTES
from tests.e2e.bursts import assert_small, begin_small
from tests.e2e.driver import PICKED_UP_S, Sluice, Witness
from tests.e2e.records import overlaps
from tests.e2e.shell import commands, shell

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "grid"
EVENTS = 100_000
CHUNK = 250
"""Events of one request."""
BATCH = 250
SENDERS = 2
WITHIN_S = 90.0
INSTANCES, EACH = 2, 16
MAX_PENDING = 10_000
BATCHED = {"Content-Type": "application/cloudevents-batch+json"}
AGAIN = frozenset({0, 429, 502, 503, 504})

MakeFunction = Callable[..., str]


def event(number: int, data: Any = None, **attributes: str) -> CloudEvent:
    return CloudEvent({"id": f"n{number}", "source": "/e2e", "type": "numbered", **attributes}, data)


def batch(numbers: range) -> bytes:
    return b"[" + b",".join(JSONFormat().write(event(number)) for number in numbers) + b"]"


class Sender:
    """Sends numbered events in batches from threads of its own, each batch again until it is taken."""

    def __init__(self, sluice: Sluice, trigger: str, events: int = EVENTS) -> None:
        self._sluice = sluice
        self._path = f"/sluice/v1/push/eventgrid/{trigger}"
        self.chunks = [range(start, min(start + CHUNK, events)) for start in range(0, events, CHUNK)]
        self.taken = 0
        self.again = 0

    @contextmanager
    def sending(self) -> Iterator[None]:
        with ThreadPoolExecutor(SENDERS) as threads:
            sent = [threads.submit(self._send, chunk) for chunk in self.chunks]
            yield
            for each in sent:
                each.result(2 * WITHIN_S)

    def _send(self, chunk: range) -> None:
        body, deadline = batch(chunk), time.monotonic() + WITHIN_S
        while (status := self.try_once(body)) != 202:
            assert status in AGAIN, status
            assert time.monotonic() < deadline, "it is never taken"
            self.again += 1
            time.sleep(0.1)
        self.taken += 1

    def try_once(self, body: bytes) -> int:
        try:
            return self._sluice.send("POST", self._path, body, signed=False, headers=BATCHED)[0]
        except (OSError, http.client.HTTPException):
            return 0


Write = Callable[[CloudEvent], binding.HTTPMessage]


def send(sluice: Sluice, trigger: str, one: CloudEvent, write: Write = binding.to_binary_event) -> int:
    message = write(one)
    headers = {name.title(): value for name, value in message.headers.items()}
    return sluice.send("POST", f"/sluice/v1/push/eventgrid/{trigger}", message.body, signed=False, headers=headers)[0]


def events_of(witness: Witness) -> list[tuple[str, list[dict[str, Any]]]]:
    """Of each call that began: the id of its event, and the CloudEvents in it."""
    found = []
    for name, _, body in witness.calls():
        content = json.loads(body)
        found.append((name, content if isinstance(content, list) else [content]))
    return found


def assert_the_sums_are_right(witness: Witness, sent: int, most_twice: int) -> None:
    by_number: dict[str, set[str]] = defaultdict(set)
    for name, events in events_of(witness):
        for one in events:
            by_number[one["id"]].add(name)
    assert set(by_number) == {f"n{number}" for number in range(sent)}, "lost"
    assert not [number for number, names in by_number.items() if len(names) > 1], "accepted twice"
    assert overlaps(witness) == 0, "overlap"
    assert witness.repeated() <= most_twice, "run twice"


def until(sluice: Sluice, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, sluice.log.read_text()[-3000:]
        time.sleep(0.1)


def test_events_are_accepted_once_while_everything_is_killed(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    trigger = sluice.trigger(make_function(instances=INSTANCES, each=EACH), "EVENTGRID", {"batch_size": BATCH, "linger": 0.05})
    sluice.until_state(trigger, "running")
    sender = Sender(sluice, trigger)
    killed = ["eventgrid", "dispatcher", "gateway", "runner"] if sluice.mesh else ["everything", "everything"]
    steps = len(sender.chunks) // (len(killed) + 1)
    with sender.sending():
        for step, what in enumerate(killed, 1):
            until(sluice, lambda goal=step * steps: sender.taken >= goal)  # type: ignore[misc]
            if what == "everything":
                sluice.kill()
                sluice.start()
            else:
                sluice.kill_service(what)
    until(sluice, lambda: sluice.counts(trigger)["open"] == 0)
    row = sluice.counts(trigger)
    assert row["received"] == row["success"], row
    assert sender.again > 0, "nothing was killed under a request"
    assert_the_sums_are_right(witness, EVENTS, len(killed) * INSTANCES * EACH)


def test_what_a_function_fails_on_blocks_nothing_and_odd_events_pass(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    trigger = sluice.trigger(make_function(), "EVENTGRID", {})
    sluice.until_state(trigger, "running")
    octets = {"datacontenttype": "text/plain"}
    assert send(sluice, trigger, event(0, {"do": "fail"})) == 202
    assert send(sluice, trigger, event(1, b"x" * (MAX_EVENT_BYTES + 1))) == 413
    assert send(sluice, trigger, event(2), binding.to_structured_event) == 202
    assert send(sluice, trigger, event(3, b"\xff\x00", **octets)) == 202
    assert send(sluice, trigger, event(4, {"grüße": "☃"}, subject="ä €")) == 202
    assert send(sluice, trigger, event(4, {"grüße": "☃"}, subject="ä €"), binding.to_structured_event) == 202, "the same again"
    row = sluice.until_ended(trigger, 4)
    assert (row["received"], row["success"], row["failed"]) == (4, 3, 1), row
    seen = {one["id"]: one for _, events in events_of(witness) for one in events}
    assert set(seen) == {"n0", "n2", "n3", "n4"}
    assert ("data" in seen["n2"], seen["n3"]["data_base64"]) == (False, "/wA=")
    assert (seen["n4"]["subject"], seen["n4"]["data"]) == ("ä €", {"grüße": "☃"})


def test_a_channel_gives_all_its_triggers_what_each_of_them_chooses(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    channel = f"c-{time.time_ns()}"
    orders = sluice.trigger(make_function(), "EVENTGRID", {"channel_id": channel, "event_types": ["order"], "subject_prefix": "eu/"})
    large = sluice.trigger(make_function(), "EVENTGRID", {"channel_id": channel, "filter": {"data.amount": {"numeric": [">", 10]}}})
    for trigger in (orders, large):
        sluice.until_state(trigger, "running")

    def publish(number: int, **more: Any) -> int:
        one = {"specversion": "1.0", "id": str(number), "source": "/s", **more}
        body = json.dumps({"events": [one]}).encode()
        path = f"/sluice/v1/{sluice.project}/publish/eventgrid/{channel}"
        assert sluice.send("POST", path, body, signed=False)[0] == 401
        return sluice.send("POST", path, body)[0]

    assert publish(1, type="order", subject="eu/1", data={"amount": 1}) == 202
    assert publish(2, type="order", subject="us/1", data={"amount": 20}) == 202
    assert publish(3, type="other", subject="eu/1") == 202
    until(sluice, lambda: sluice.counts(orders)["filtered"] == sluice.counts(large)["filtered"] == 2)
    assert (sluice.until_ended(orders, 1)["success"], sluice.until_ended(large, 1)["success"]) == (1, 1)
    assert sorted(one["id"] for _, events in events_of(witness) for one in events) == ["1", "2"]


def test_of_a_burst_that_no_function_takes_the_sender_keeps_what_is_too_much(
    sluice: Sluice, witness: Witness, make_function: MakeFunction
) -> None:
    begin_small(sluice)
    trigger = sluice.trigger(make_function(instances=1, each=1, delay_ms=20_000), "EVENTGRID", {})
    sluice.until_state(trigger, "running")
    sender = Sender(sluice, trigger, 50_000)
    with ThreadPoolExecutor(16) as threads:
        told = Counter(threads.map(lambda chunk: sender.try_once(batch(chunk)), sender.chunks))
    assert set(told) == {202, 429}, told
    assert_small(sluice)
    row = sluice.counts(trigger)
    assert told[202] * CHUNK <= row["received"] == row["open"] + row["success"] <= MAX_PENDING + 1, (told, row)
    sluice.api("DELETE", f"/fgs/triggers/{row['function_urn']}/EVENTGRID/{trigger}")


def test_events_of_a_partition_key_are_called_with_in_their_order(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    trigger = sluice.trigger(make_function(delay_ms=2), "EVENTGRID", {"ordering": "key"})
    sluice.until_state(trigger, "running")
    for start in range(0, 400, 100):
        keyed = [JSONFormat().write(event(number, partitionkey=f"k{number % 5}")) for number in range(start, start + 100)]
        path = f"/sluice/v1/push/eventgrid/{trigger}"
        assert sluice.send("POST", path, b"[" + b",".join(keyed) + b"]", signed=False, headers=BATCHED)[0] == 202
    assert sluice.until_ended(trigger, 400)["success"] == 400
    seen = [(one["partitionkey"], int(one["id"][1:])) for _, events in events_of(witness) for one in events]
    for key in range(5):
        assert [number for name, number in seen if name == f"k{key}"] == list(range(key, 400, 5))


def test_a_changed_token_counts_and_other_triggers_go_on(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    function = make_function()
    changed, other = (sluice.trigger(function, "EVENTGRID", {"push_token": "one", "channel_id": channel}) for channel in "ab")

    def told(trigger: str, token: str, number: int) -> int:
        message = binding.to_structured_event(event(number))
        headers = {"Content-Type": message.headers["content-type"], "Authorization": f"Bearer {token}"}
        return sluice.send("POST", f"/sluice/v1/push/eventgrid/{trigger}", message.body, signed=False, headers=headers)[0]

    for trigger in (changed, other):
        sluice.until_state(trigger, "running")
        assert [told(trigger, token, number) for number, token in enumerate(("", "two", "one"))] == [401, 401, 202]
    change = {"event_data": {"push_token": "two", "channel_id": "a"}}
    sluice.api("PUT", f"/fgs/triggers/{sluice.row(changed)['function_urn']}/EVENTGRID/{changed}", change)
    deadline, number = time.monotonic() + PICKED_UP_S, 10
    while (status := told(changed, "two", number)) != 202:
        assert status in (401, 503), status
        assert told(other, "one", number) == 202
        assert time.monotonic() < deadline
        number += 1
    assert told(changed, "one", number) == 401
    assert "two" not in str(sluice.api("GET", f"/fgs/triggers/{sluice.row(changed)['function_urn']}"))
    assert sluice.until_ended(changed, 2)["success"] == 2


def test_a_sender_of_webhooks_is_given_leave_and_shows_its_token(sluice: Sluice, make_function: MakeFunction) -> None:
    trigger = sluice.trigger(make_function(), "EVENTGRID", {"push_token": "secret", "webhook_origins": ["grid.example.org"]})
    sluice.until_state(trigger, "running")
    path, origin = f"/sluice/v1/push/eventgrid/{trigger}", {"WebHook-Request-Origin": "grid.example.org"}
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(sluice.credentials["endpoint"]).netloc, timeout=30)
    connection.request("OPTIONS", path, headers=origin | {"WebHook-Request-Rate": "120"})
    answer = connection.getresponse()
    answer.read()
    granted = [answer.getheader(name) for name in ("WebHook-Allowed-Origin", "WebHook-Allowed-Rate", "Allow")]
    assert (answer.status, granted) == (200, ["grid.example.org", "*", "OPTIONS, POST"])
    connection.close()
    message = binding.to_structured_event(event(1))
    headers = {"Content-Type": message.headers["content-type"]}
    told = [
        sluice.send("POST", path + query, message.body, signed=False, headers=headers | more)[0]
        for query, more in (("?access_token=wrong", origin), ("?access_token=secret", {}), ("?access_token=secret", origin))
    ]
    assert told == [401, 403, 202]
    assert sluice.until_ended(trigger, 1)["success"] == 1


def test_the_example_does_what_its_page_says(sluice: Sluice, tmp_path: Path) -> None:
    folder = shutil.copytree(EXAMPLE, tmp_path / "grid")
    typed = shell(sluice, folder)

    apply, publish, logs = commands((folder / "README.md").read_text())
    typed(apply)
    (trigger,) = [row["trigger_id"] for row in sluice.ours("/triggers")["triggers"] if ":grid:" in row["function_urn"]]
    sluice.until_state(trigger, "running")
    for _ in range(2):
        typed(publish)
    until(sluice, lambda: sluice.counts(trigger)["success"] == 20 and sluice.counts(trigger)["filtered"] == 20)
    assert sorted(map(int, re.findall(r"order.created (\d+) of /examples/grid", typed(logs)))) == list(range(11, 31))
    sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/urn:fss:local-1:{sluice.project}:function:default:grid")
