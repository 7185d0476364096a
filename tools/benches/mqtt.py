"""Messages of a full MQTT session on their way to a function that does nothing, beside the bare loop of paho."""

import json
import secrets
import subprocess
import sys
import threading
import time

from tests.e2e.driver import Sluice
from tests.mqtt import Publisher, answered
from tests.servers import Mosquitto
from tools.benches.figure import Row, at_most, figure
from tools.benches.kafka import FIRST, LAST, WARM_RECORDS, WITHIN_S, Speed
from tools.benches.mqtt_loop import BATCH, PREFETCH, subscriber, topic_of
from tools.benches.processes import used_s
from tools.benches.rabbitmq import MORE_US, until
from tools.benches.setting import BODY_BYTES, RESP, ROOT, Setting, make_function, tree

NOTE = (
    "Messages of 1 KiB in quality 1, in a session that nobody reads until the clock starts; 400 at a time without acknowledgement. The "
    "bare loop is paho's, which acknowledges each message; it does nothing with them. The kind alone reads, makes records and events of "
    "fifty, and acknowledges, with nothing behind it. CPU is Sluice's own; mosquitto's is not counted."
)


class Sessions:
    """Full sessions, one for each measurement."""

    def __init__(self, server: Mosquitto, messages: int) -> None:
        self.server = server
        self.messages = messages

    def full(self) -> str:
        """Its client id."""
        session = f"bench-{secrets.token_hex(4)}"
        self._begin(session)
        numbered = (b"%010d" % number + b"x" * (BODY_BYTES - 10) for number in range(self.messages))
        Publisher(self.server).publish_all((topic_of(session), payload) for payload in numbered)
        return session

    def _begin(self, session: str) -> None:
        """Subscribed, and nobody is there."""
        client, subscribed = subscriber(self.server.address, self.server.username, self.server.password, session), threading.Event()
        client.on_subscribe = lambda *_: subscribed.set()
        client.loop_start()
        assert subscribed.wait(WITHIN_S), "the server does not answer"
        client.disconnect()
        client.loop_stop()

    def read_by(self, what: str) -> Speed:
        """`bare` or `kind`, see `tools.benches.mqtt_loop`."""
        server = self.server
        words = [server.address, server.username, server.password, self.full(), str(self.messages)]
        command = [sys.executable, "-m", "tools.benches.mqtt_loop", what, *words]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=WITHIN_S)
        return Speed(**json.loads(done.stdout))

    def read_by_sluice(self, sluice: Sluice, urn: str) -> Speed:
        """Between a twentieth and the last twentieth of the events. A message that was lost, or failed, is an AssertionError."""
        server, session, fewest = self.server, self.full(), self.messages // BATCH
        login = {"connect_address": server.address, "access_user": server.username, "access_password": server.password}
        reading = {"topics": [topic_of(session)], "client_id": session, "prefetch": PREFETCH, "batch_size": BATCH, "linger": 0.02}
        trigger = sluice.trigger(urn, "IOTDA", {**login, **reading})
        processes = tree(sluice)
        before = until(sluice, trigger, lambda counts: counts["success"] >= FIRST * fewest)
        cpu, wall = processes.cpu(), time.monotonic()
        after = until(sluice, trigger, lambda counts: counts["success"] >= LAST * fewest)
        seconds, wall = used_s(cpu, processes.cpu()), time.monotonic() - wall
        ended = until(sluice, trigger, lambda counts: counts["open"] == 0 and answered(server, session) == self.messages)
        assert ended["failed"] == ended["discarded"] == 0, ended
        messages = (after["success"] - before["success"]) * self.messages / ended["success"]
        sluice.api("DELETE", f"/fgs/triggers/{urn}:latest/IOTDA/{trigger}")
        return Speed(messages / wall, seconds / messages * 1e6)


def row(setting: Setting) -> Row:
    sessions = Sessions(setting.mosquitto, setting.scaled(60_000, 20_000))
    ours, bare, kind = [], [], []
    with setting.sluice() as sluice:
        urn = make_function(sluice, "bench", setting.compiled(RESP))
        Sessions(setting.mosquitto, WARM_RECORDS).read_by_sluice(sluice, urn)
        for _ in range(setting.runs):
            ours.append(sessions.read_by_sluice(sluice, urn))
            bare.append(sessions.read_by("bare"))
            kind.append(sessions.read_by("kind"))
    shares = [one.cpu_us / max(2 * each.cpu_us, each.cpu_us + MORE_US) for one, each in zip(kind, bare, strict=True)]
    figures = (
        figure("throughput", "messages/s", [each.rate for each in ours]),
        figure("CPU", "µs a message", [each.cpu_us for each in ours]),
        figure("the client's bare loop: throughput", "messages/s", [each.rate for each in bare]),
        figure("the client's bare loop: CPU", "µs a message", [each.cpu_us for each in bare]),
        figure("the kind alone: CPU", "µs a message", [each.cpu_us for each in kind]),
        figure("the kind alone, of what it may cost", "x", shares, at_most(1)),
    )
    return Row("mqtt", f"MQTT → function, async, durable, batch_size {BATCH}, one process", figures, NOTE)
