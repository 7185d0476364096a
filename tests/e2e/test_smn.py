"""Messages of topics to real functions: published here, signed by a service, and through moto, with everything killed on the way."""

import asyncio
import json
import re
import secrets
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from sluice.push import MAX_PUSH_BYTES
from sluice.v1 import dispatch_pb2, topics_pb2
from sluice.wire.peer import Asker, Peer
from sluice.wire.token import ServiceToken, issue
from tests.e2e.bursts import assert_small, await_open, begin_small, set_instances
from tests.e2e.driver import PICKED_UP_S, Sluice, Witness
from tests.e2e.pushing import Pusher
from tests.e2e.records import assert_ran_again_after_kills_only, overlaps
from tests.e2e.shell import commands, shell
from tests.servers import Moto, free_port_run
from tests.smn import TOPIC, Signer, TopicServer, sns

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "alerts"
WITHIN_S = 60.0
FANS, PUBLISHED = 5, 20_000
"""So many triggers of one topic, and messages for each: 100,000 events."""
SIGNED, SIGNED_MESH = 100_000, 25_000
"""Each is a request of its own; in a mesh three processes and the sender share the machine, and as many take two minutes."""
BURST, SENDERS = 50_000, 500
MAX_PENDING = 10_000
MAX_PENDING_OF_ALL = 2_000
"""In one process, whose memory is that of all services together."""
MOTO = 100
INSTANCES, EACH = 2, 32
CERTIFICATE = "/SimpleNotificationService-1.pem"
IDENTIFIER = re.compile(r'"message_id":"n-(\d+)"')

MakeFunction = Callable[..., str]


@pytest.fixture
def topics() -> Iterator[TopicServer]:
    """A service that signs: its certificates, and where subscriptions are confirmed."""
    with TopicServer().serving() as server:
        yield server


def a_topic() -> str:
    return f"urn:smn:local-1:shop:{secrets.token_hex(4)}"


def app_code(sluice: Sluice) -> str:
    """What a publisher may show in place of a signature, which would cost it more than all else."""
    _, made = sluice.send("POST", f"/sluice/v1/{sluice.project}/keys", b'{"role": "app"}')
    code: str = json.loads(made)["app_code"]
    return code


def publisher(sluice: Sluice, topic: str) -> Pusher:
    """Publishes messages with ids."""

    def make(numbers: range) -> bytes:
        return json.dumps({"message": "disk full", "message_id": f"n-{numbers.start}"}).encode()

    path = f"/sluice/v1/{sluice.project}/publish/smn/{topic}"
    return Pusher(sluice, path, make, batch=1, threads=16, headers={"X-Apig-AppCode": app_code(sluice)})


def kill(sluice: Sluice, what: str) -> None:
    """-9, and back."""
    if what == "everything":
        sluice.kill()
        sluice.start()
    else:
        sluice.kill_service(what)


def until_taken(push: Pusher, number: int) -> None:
    deadline = time.monotonic() + 2 * WITHIN_S
    while push.taken < number:
        assert time.monotonic() < deadline, (push.taken, push.answers)
        time.sleep(0.02)


def send_through_kills(sluice: Sluice, push: Pusher, count: int) -> int:
    """All of them, with each service killed once meanwhile; how often."""
    killed = ["smn", "gateway", "dispatcher"] if sluice.mesh else ["everything"]
    with push.sending(count):
        for at, what in enumerate(killed, 1):
            until_taken(push, count * at // (len(killed) + 1))
            kill(sluice, what)
    return len(killed)


def assert_each_once(sluice: Sluice, witness: Witness, count: int, functions: int = 1) -> None:
    """Of each number one event for each function, and none run beside itself."""
    by_number: dict[int, set[str]] = defaultdict(set)
    for event, _, body in witness.calls():
        for number in IDENTIFIER.findall(body):
            by_number[int(number)].add(event)
    assert set(by_number) == set(range(count)), "lost"
    assert {len(events) for events in by_number.values()} == {functions}, "accepted twice, or not by all"
    assert overlaps(witness) == 0, "overlap"
    assert_ran_again_after_kills_only(sluice, witness)


def await_seen(sluice: Sluice, triggers: list[str], witness: Witness, messages: int) -> None:
    """Until calls have begun and ended with so many messages, and nothing is open."""
    deadline = time.monotonic() + 2 * WITHIN_S
    while True:
        seen = witness.file.read_bytes().count(b'"message_id":"n-')
        rows = [sluice.counts(trigger) for trigger in triggers]
        if seen >= 2 * messages and not any(row["open"] for row in rows):
            break
        assert time.monotonic() < deadline, (seen, rows)
        time.sleep(0.2)
    assert [row["received"] - row["success"] for row in rows] == [0] * len(rows), rows


@pytest.mark.timeout(400)
def test_what_is_published_reaches_every_function_once_while_everything_is_killed(
    sluice: Sluice, witness: Witness, make_function: MakeFunction
) -> None:
    topic = a_topic()
    urns = [make_function(instances=1, each=EACH) for _ in range(FANS)]
    triggers = [sluice.trigger(urn, "SMN", {"topic_urn": topic, "batch_size": 50, "linger": 0.02}) for urn in urns]
    for trigger in triggers:
        sluice.until_state(trigger, "running")
    send_through_kills(sluice, publisher(sluice, topic), PUBLISHED)
    await_seen(sluice, triggers, witness, FANS * PUBLISHED)
    assert_each_once(sluice, witness, PUBLISHED, FANS)


def signed_by(signer: Signer, topics: TopicServer) -> Callable[[range], bytes]:
    """Makes the body that holds the message of a number."""

    def make(numbers: range) -> bytes:
        own = {"SigningCertURL": topics.origin + CERTIFICATE, "Subject": "host-3"}
        return json.dumps(signer.notification("disk full", f"n-{numbers.start}", **own)).encode()

    return make


@pytest.mark.timeout(400)
def test_what_a_service_signs_is_accepted_once_while_everything_is_killed(
    sluice: Sluice, topics: TopicServer, witness: Witness, make_function: MakeFunction
) -> None:
    """Each answer waits for the disk, so many wait at once. The key is short: a longer one takes the sender more than all else."""
    signer = Signer(bits=1024)
    topics.pages[CERTIFICATE] = (200, signer.pem)
    own = {"topic_urn": TOPIC, "certificate_hosts": [topics.origin], "batch_size": 20}
    trigger = sluice.trigger(make_function(instances=INSTANCES, each=EACH), "SMN", own)
    sluice.until_state(trigger, "running")
    push = Pusher(sluice, f"/sluice/v1/push/smn/{trigger}", signed_by(signer, topics), batch=1, threads=32)
    count = SIGNED_MESH if sluice.mesh else SIGNED
    kills = send_through_kills(sluice, push, count)
    await_seen(sluice, [trigger], witness, count)
    assert_each_once(sluice, witness, count)
    assert len(topics.asked) <= kills + 1, "a certificate is fetched once in the life of a service"


def test_a_subscription_confirms_itself_and_forgeries_are_refused(
    sluice: Sluice, topics: TopicServer, witness: Witness, make_function: MakeFunction
) -> None:
    signer = Signer()
    topics.pages |= {CERTIFICATE: (200, signer.pem), "/confirm": (200, b"<ok/>"), "/away": (302, b"http://127.0.0.1:1/")}
    trigger = sluice.trigger(make_function(), "SMN", {"topic_urn": TOPIC, "certificate_hosts": [topics.origin]})
    sluice.until_state(trigger, "running")
    own = {"SigningCertURL": topics.origin + CERTIFICATE}

    def push(body: Mapping[str, object] | bytes, headers: dict[str, str] | None = None) -> int:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return sluice.send("POST", f"/sluice/v1/push/smn/{trigger}", sent, signed=False, headers=headers)[0]

    assert push(signer.confirmation(f"{topics.origin}/confirm?Token=t0ken", **own)) == 200
    assert topics.await_asked("/confirm") == "/confirm?Token=t0ken"
    assert push(signer.confirmation(f"{topics.origin}/away", **own)) == 403
    assert push(signer.confirmation("http://127.0.0.1:1/confirm", **own)) == 403
    assert push(signer.notification("disk full", "n-1", **own)) == 202
    assert push({**signer.notification("disk full", "n-2", **own), "Message": "changed"}) == 403
    assert push(signer.notification("disk full", "n-2", TopicArn=f"{TOPIC}2", **own)) == 403
    assert push(signer.notification("disk full", "n-2", Timestamp="2026-03-02T07:11:40Z", **own)) == 403
    assert push(signer.notification("disk full", "n-2", SigningCertURL="https://evil.example/a.pem")) == 403
    for body in (b"", b"\xff\xfe", b"{}", b"[" * 10_000):
        assert push(body) == 400
    assert push(b"hello", {"x-amz-sns-rawdelivery": "true", "x-amz-sns-topic-arn": TOPIC, "x-amz-sns-message-id": "n-3"}) == 400
    assert push(bytes(MAX_PUSH_BYTES + 1)) == 413
    row = sluice.until_ended(trigger, 1)
    assert row["received"] == 1


def test_a_certificate_that_is_replaced_at_a_new_address_is_picked_up_without_a_restart(
    sluice: Sluice, topics: TopicServer, make_function: MakeFunction
) -> None:
    old, new = Signer(), Signer()
    trigger = sluice.trigger(make_function(), "SMN", {"topic_urn": TOPIC, "certificate_hosts": [topics.origin]})
    sluice.until_state(trigger, "running")
    for number, signer in enumerate((old, new, old)):
        place = f"/{'new' if signer is new else 'old'}.pem"
        topics.pages[place] = (200, signer.pem)
        body = json.dumps(signer.notification("x", f"n-{number}", SigningCertURL=topics.origin + place)).encode()
        assert sluice.send("POST", f"/sluice/v1/push/smn/{trigger}", body, signed=False)[0] == 202
    assert sluice.until_ended(trigger, 3)["success"] == 3


def test_a_changed_push_token_counts_without_a_restart(sluice: Sluice, make_function: MakeFunction) -> None:
    own = {"topic_urn": TOPIC, "verify_signature": False}
    trigger = sluice.trigger(make_function(), "SMN", {**own, "push_token": "the first"})
    sluice.until_state(trigger, "running")

    def told(token: str) -> int:
        sent = {"Type": "Notification", "MessageId": f"n-{token}", "TopicArn": TOPIC, "Message": "x", "Timestamp": "2026-03-02T07:11:40Z"}
        headers = {"Authorization": f"Bearer {token}"}
        return sluice.send("POST", f"/sluice/v1/push/smn/{trigger}", json.dumps(sent).encode(), signed=False, headers=headers)[0]

    assert [told("the second"), told("the first")] == [401, 202]
    urn = sluice.row(trigger)["function_urn"]
    sluice.api("PUT", f"/fgs/triggers/{urn}/SMN/{trigger}", {"event_data": {**own, "push_token": "the second"}})
    deadline = time.monotonic() + PICKED_UP_S
    while (status := told("the second")) != 202:
        assert status in (401, 503), status
        assert time.monotonic() < deadline, "the new token does not count"
    assert told("the first") == 401
    assert "the second" not in str(sluice.api("GET", f"/fgs/triggers/{urn}"))


def test_a_poison_message_blocks_no_other_and_odd_ones_pass(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    topic = a_topic()
    trigger = sluice.trigger(make_function(), "SMN", {"topic_urn": topic})
    sluice.until_state(trigger, "running")

    def publish(message: str) -> int:
        sent = json.dumps({"message": message}).encode()
        return sluice.send("POST", f"/v2/{sluice.project}/notifications/topics/{topic}/publish", sent)[0]

    odd = ["fail always", "", "\u2028 ☃ \x00", "x" * 256 * 1024]
    assert [publish(message) for message in odd] == [200] * len(odd)
    assert publish("x" * (256 * 1024 + 1)) == 400
    row = sluice.until_ended(trigger, len(odd))
    assert (row["received"], row["success"], row["failed"]) == (4, 3, 1), row
    seen = Counter(json.loads(body)["record"][0]["smn"]["message"] for _, _, body in witness.calls())
    assert set(seen) == set(odd)


def test_a_topic_of_nobody_is_not_found(sluice: Sluice) -> None:
    status, answer = sluice.send("POST", f"/sluice/v1/{sluice.project}/publish/smn/{a_topic()}", b'{"message":"x"}')
    assert (status, json.loads(answer)["error_code"]) == (404, "FSS.0404")


@pytest.mark.timeout(400)
def test_of_a_burst_that_no_function_takes_the_publisher_keeps_what_is_too_much(
    sluice: Sluice, witness: Witness, make_function: MakeFunction
) -> None:
    begin_small(sluice)
    topic, urn = a_topic(), make_function(instances=0)
    most = MAX_PENDING if sluice.mesh else MAX_PENDING_OF_ALL
    trigger = sluice.trigger(urn, "SMN", {"topic_urn": topic, "max_pending": most})
    sluice.until_state(trigger, "running")
    told = asyncio.run(published_once(sluice, topic))
    assert set(told) == {200, 429}, {status: len(numbers) for status, numbers in told.items()}
    assert_small(sluice)
    row = await_open(sluice, trigger, len(told[200]))
    assert most <= row["received"] == row["open"] <= most + 1, row
    set_instances(sluice, urn, INSTANCES)
    row = sluice.until_ended(trigger, len(told[200]), WITHIN_S)
    assert (row["received"], row["success"]) == (len(told[200]), len(told[200])), row
    seen = [int(number) for _, _, body in witness.calls() for number in IDENTIFIER.findall(body)]
    assert sorted(seen) == sorted(told[200])
    assert_small(sluice)


async def published_once(sluice: Sluice, topic: str) -> dict[int, list[int]]:
    """Which numbers had which status for an answer; nothing is sent again. Each 429 comes after half a second, so many wait at once."""
    told: dict[int, list[int]] = defaultdict(list)
    address = f"{sluice.credentials['endpoint']}/sluice/v1/{sluice.project}/publish/smn/{topic}"
    numbers = iter(range(BURST))

    async def publish(session: ClientSession) -> None:
        for number in numbers:
            async with session.post(address, data=json.dumps({"message": "x" * 1024, "message_id": f"n-{number}"})) as answer:
                await answer.read()
                told[answer.status].append(number)

    headers = {"X-Apig-AppCode": app_code(sluice), "Content-Type": "application/json"}
    async with ClientSession(connector=TCPConnector(limit=SENDERS), headers=headers) as session, asyncio.TaskGroup() as senders:
        for _ in range(SENDERS):
            senders.create_task(publish(session))
    return told


def test_what_is_published_to_a_topic_of_moto_arrives(
    sluice: Sluice, moto: Moto, topics: TopicServer, witness: Witness, make_function: MakeFunction
) -> None:
    """Without its signature, whose certificate moto's server gives to nobody who does not say that he is for SNS (tests/conformance)."""
    client = sns(moto)
    topic = client.create_topic(Name=f"alerts-{secrets.token_hex(4)}")["TopicArn"]
    token = secrets.token_hex(8)
    own = {"topic_urn": topic, "push_token": token, "verify_signature": False}
    trigger = sluice.trigger(make_function(), "SMN", own)
    sluice.until_state(trigger, "running")
    address = sluice.credentials["endpoint"].replace("http://", f"http://sluice:{token}@")
    client.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{address}/sluice/v1/push/smn/{trigger}")
    with ThreadPoolExecutor(4) as pool:
        published = pool.map(lambda number: client.publish(TopicArn=topic, Message=f"alert {number}")["MessageId"], range(MOTO))
        identifiers = set(published)
    sluice.until_ended(trigger, MOTO)
    seen = [json.loads(body)["record"][0]["smn"] for _, _, body in witness.calls()]
    assert {one["message_id"] for one in seen} == identifiers
    assert {one["message"] for one in seen} == {f"alert {number}" for number in range(MOTO)}


async def test_a_message_is_published_over_grpc(sluice: Sluice, make_function: MakeFunction) -> None:
    door, secret = rpcs_of(sluice)
    topic = a_topic()
    trigger = sluice.trigger(make_function(), "SMN", {"topic_urn": topic})
    sluice.until_state(trigger, "running")
    token = issue(ServiceToken("publisher", frozenset({"Topics.Publish"}), project=sluice.project), secret.encode())
    asker = Asker(Peer(door, lambda: token), "Topics")
    for _ in range(2):
        message = topics_pb2.TopicMessage(project=sluice.project, topic=topic, message="disk full", message_id="n-1")
        told = await asker.ask("Publish", message, topics_pb2.TopicMessageResult)
        assert (told.verdict, told.message_id) == (dispatch_pb2.VERDICT_DONE, "n-1")
    await asker.close()
    assert sluice.until_ended(trigger, 1)["received"] == 1


def rpcs_of(sluice: Sluice) -> tuple[str, str]:
    """Where the kind answers rpcs, and the mesh's secret. A mesh has chosen both; one process is started again with them."""
    if sluice.mesh:
        lines = Path(f"/proc/{sluice.pid('smn')}/environ").read_text().split("\0")
        chosen = dict(line.split("=", 1) for line in lines if "=" in line)
        doors = dict(pair.split("=") for pair in chosen["SLUICE_DOORS"].split(","))
        return doors["smn"], chosen["SLUICE_MESH_SECRET"]
    door, secret = f"127.0.0.1:{free_port_run(1)}", secrets.token_hex(16)
    sluice.stop()
    sluice.environment = {"SLUICE_DOORS": f"smn={door}", "SLUICE_MESH_SECRET": secret}
    sluice.start()
    return door, secret


def test_the_example_does_what_its_page_says(sluice: Sluice, tmp_path: Path) -> None:
    """Its three commands."""
    folder = shutil.copytree(EXAMPLE, tmp_path / "alerts")
    typed = shell(sluice, folder)

    apply, publish, logs = commands((folder / "README.md").read_text())
    typed(apply)
    for row in sluice.ours("/triggers")["triggers"]:
        if row["function_urn"].split(":")[6] in ("alerts", "pager"):
            sluice.until_state(row["trigger_id"], "running")
    for _ in range(2):
        typed(publish)
    for command in (logs, logs.replace("alerts", "pager")):
        deadline = time.monotonic() + WITHIN_S
        while len(told := re.findall(r"alert high host-(\d+) disk full", typed(command))) < 20:
            assert time.monotonic() < deadline, told
        assert sorted(map(int, told)) == list(range(1, 21))
    for name in ("alerts", "pager"):
        sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/urn:fss:local-1:{sluice.project}:function:default:{name}")
