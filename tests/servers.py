"""Real servers for tests: started when the first test asks, on loopback, in a private folder, ended with the session."""

import base64
import http.client
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn, Protocol

import pytest
from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._scram import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from confluent_kafka.cimpl import NewTopic

from sluice.engine import StartFailed
from sluice.function import Function
from sluice_runner.programs import program
from tests.remoting import Link, connected

SCRIPTS = Path(__file__).resolve().parent.parent / "tools" / "servers"
ANSWER_S = 20.0
EX_UNAVAILABLE = 69
_CLUSTER_INFORMATION = 106
KUBE_BUILT_S = 1_800.0
"""The build of a Kubernetes API server takes minutes, and on a machine that has other work several times as long."""


class ServerMissing(Exception):
    """The machine lacks what the server needs; the message says what."""


def free_port_run(count: int) -> int:
    """The first of `count` neighbouring free ports.

    They lie below the range the system hands out for outgoing connections, so that nobody takes them while a server is down.
    """
    for _ in range(200):
        first = 15_000 + secrets.randbelow(15_000)
        if all(is_free(first + step) for step in range(count)):
            return first
    raise OSError(f"no {count} neighbouring ports are free")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Server(Protocol):
    """What the fixtures know of each."""

    def start(self) -> None:
        """Returns when it is ready. Raises ServerMissing."""
        ...

    def kill(self) -> None: ...


class Kafka:
    """One broker. Its data, ports and certificates stay the same through `stop`, `kill` and `start`."""

    username = "sluice"
    password = "sluice-secret"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port_run(4)
        self.bootstrap = f"127.0.0.1:{self.port}"
        """No login, no encryption."""
        self.secure = f"localhost:{self.port + 2}"
        """SASL_SSL with PLAIN or SCRAM-SHA-512."""
        self.mtls = f"localhost:{self.port + 3}"
        """TLS that asks for a client certificate."""
        self.tls_dir = folder / "tls"
        """ca.pem, client.pem, client.key."""

    def start(self) -> None:
        """Returns when the broker accepts connections and answers."""
        if shutil.which("java") is None:
            raise ServerMissing("java is not installed: run make servers")
        script("kafka.sh", "start", str(self.folder), str(self.port))
        self._admin().list_topics(timeout=ANSWER_S)

    def stop(self) -> None:
        """A clean end."""
        script("kafka.sh", "stop", str(self.folder))

    def kill(self) -> None:
        """SIGKILL; returns when its ports are free again."""
        script("kafka.sh", "kill", str(self.folder))

    def create_topic(self, name: str | None = None, partitions: int = 1, config: dict[str, str] | None = None) -> str:
        """A new topic, by default under a name of its own; returns when every partition has a leader."""
        topic = name or f"topic-{secrets.token_hex(6)}"
        admin = self._admin()
        admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1, config=config or {})])[topic].result(ANSWER_S)
        self._await_leaders(admin, topic, partitions)
        return topic

    def delete_topic(self, name: str) -> None:
        admin = self._admin()  # held by a name: the answer is lost with the client
        admin.delete_topics([name])[name].result(ANSWER_S)

    def set_password(self, user: str, password: str) -> None:
        """From now on `user` logs in at `secure` with SCRAM-SHA-512 and this password, and no other. Connections that stand stay."""
        admin, how = self._admin(), ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        changed = UserScramCredentialUpsertion(user, how, password.encode())
        admin.alter_user_scram_credentials([changed])[user].result(ANSWER_S)

    def source(self, topic: str, partition: int = 0) -> str:
        """What Sluice calls a partition: with the first 8 characters of the topic's id, as the cluster writes it in URL-safe Base64."""
        admin = self._admin()
        described = admin.describe_topics(TopicCollection([topic]))[topic].result(ANSWER_S)
        identifier = str(described.topic_id).replace("+", "-").replace("/", "_")
        return f"{topic}#{identifier[:8]}/{partition}"

    def _await_leaders(self, admin: AdminClient, topic: str, partitions: int) -> None:
        deadline = time.monotonic() + ANSWER_S
        while time.monotonic() < deadline:
            found = admin.list_topics(topic, timeout=ANSWER_S).topics[topic].partitions.values()
            if len(found) == partitions and all(partition.leader >= 0 for partition in found):
                return
        raise TimeoutError(f"no leader for {topic}")

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})


class Docker:
    """One daemon. What it has stays the same through `stop`, `kill`, `kill_daemon` and `start`."""

    python = "sluice-test-python"
    """An image of this machine's Python and a shell."""

    def __init__(self, folder: Path, *, apart: bool = False) -> None:
        """Apart, it has a network of its own and keeps packet rules in it, as daemons do where they may."""
        self.folder = folder
        self.address = f"unix://{folder}/docker.sock"
        self._apart = ("apart",) if apart else ()
        self._net = f"10.{200 + secrets.randbelow(50)}.{secrets.randbelow(250)}"
        self._has_image = False

    def start(self) -> None:
        """Returns when the daemon answers."""
        script("docker.sh", "start", str(self.folder), self._net, *self._apart)
        if not self._has_image:
            self.make_image(self.python)
            self._has_image = True

    def make_image(self, name: str, folder: Path | None = None, command: str = "") -> None:
        """An image of Python, and of a function whose code is in a folder."""
        script("docker.sh", "image", str(self.folder), name, *((str(folder), command) if folder else ()))

    def inside(self, *command: str) -> list[str]:
        """A command where it is."""
        return [str(SCRIPTS / "docker.sh"), "inside", str(self.folder), *command]

    def stop(self) -> None:
        """A clean end."""
        script("docker.sh", "stop", str(self.folder))

    def kill_daemon(self) -> None:
        """SIGKILL; containers run on."""
        script("docker.sh", "kill-daemon", str(self.folder))

    def kill(self) -> None:
        """SIGKILL, and all containers end."""
        script("docker.sh", "kill", str(self.folder))


class RabbitMq:
    """One node. Its data, ports and certificates stay the same through `stop`, `kill` and `start`."""

    username = "sluice"
    password = "sluice-secret"
    vhost = "test"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port_run(5)
        self.address = f"127.0.0.1:{self.port}"
        self.secure = f"localhost:{self.port + 1}"
        """TLS; a client certificate is checked where one is shown."""
        self.figures_port = self.port + 2
        self.tls_dir = folder / "tls"
        """ca.pem, client.pem, client.key."""

    def start(self) -> None:
        """Returns when the node accepts connections."""
        script("rabbitmq.sh", "start", str(self.folder), str(self.port))

    def stop(self) -> None:
        """A clean end."""
        script("rabbitmq.sh", "stop", str(self.folder))

    def kill(self) -> None:
        """SIGKILL; returns when its ports are free again."""
        script("rabbitmq.sh", "kill", str(self.folder))

    def administer(self, *words: str) -> None:
        """What `rabbitmqctl` does with these words."""
        script("rabbitmq.sh", "ctl", str(self.folder), *words)


class Mosquitto:
    """One MQTT server. Its data, ports and certificates stay the same through `stop`, `kill` and `start`. It saves what it has at every
    change, unless it is to save so often only."""

    username = "sluice"
    password = "sluice-secret"

    def __init__(self, folder: Path, saved_every_s: int | None = None) -> None:
        self.folder = folder
        self._options = () if saved_every_s is None else (str(saved_every_s),)
        self.port = free_port_run(2)
        self.address = f"127.0.0.1:{self.port}"
        self.secure = f"localhost:{self.port + 1}"
        """TLS."""
        self.tls_dir = folder / "tls"
        """ca.pem, client.pem, client.key."""

    def start(self) -> None:
        """Returns when the server accepts connections."""
        script("mosquitto.sh", "start", str(self.folder), str(self.port), *self._options)

    def stop(self) -> None:
        """A clean end."""
        script("mosquitto.sh", "stop", str(self.folder))

    def kill(self) -> None:
        """SIGKILL; returns when its ports are free again. What it has acknowledged since `saved_ns` is lost, and what was acknowledged to
        it since then it gives out again."""
        script("mosquitto.sh", "kill", str(self.folder))

    @property
    def saved_ns(self) -> int:
        """When it last saved what it has (ns of the epoch); 0 before the first time. It does nothing else meanwhile."""
        store = self.folder / "data" / "mosquitto.db"
        return store.stat().st_mtime_ns if store.exists() else 0

    def set_password(self, username: str, password: str) -> None:
        """The user's password until the next start. Who is connected with another one is thrown out."""
        script("mosquitto.sh", "login", str(self.folder), username, password)


class Moto:
    """Kinesis, SQS, SNS and S3 of one machine, each at `endpoint`. It takes any key.

    It keeps streams, queues, topics and buckets in memory: `stop` and `kill` lose them all, and the server that starts again, on the same
    port, is an empty one. It answers about a hundred requests a second: send many records in one call.
    """

    access_key = "sluice"
    secret_key = "sluice-secret"
    region = "eu-west-1"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port_run(1)
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when the server accepts connections."""
        script("moto.sh", "start", str(self.folder), str(self.port), sys.executable)

    def stop(self) -> None:
        """A clean end. What it held is gone."""
        script("moto.sh", "stop", str(self.folder))

    def kill(self) -> None:
        """SIGKILL; returns when its port is free again. What it held is gone."""
        script("moto.sh", "kill", str(self.folder))


class Mongo:
    """The stand-in for MongoDB: a replica set of one, in memory. What it had is gone after `stop` and `kill`; its port stays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port_run(1)
        self.address = f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it accepts connections."""
        if shutil.which("java") is None:
            raise ServerMissing("java is not installed: run make servers")
        script("mongo.sh", "start", str(self.folder), str(self.port))

    def stop(self) -> None:
        """A clean end."""
        script("mongo.sh", "stop", str(self.folder))

    def kill(self) -> None:
        """SIGKILL; returns when its port is free again."""
        script("mongo.sh", "kill", str(self.folder))


class RocketMq:
    """A name server and a broker with its gRPC proxy. They live in a network namespace of their own, because some of their ports bind
    every interface: that needs root. Data, address and certificates stay the same through `stop`, `kill` and `start`."""

    access_key = "sluice"
    secret_key = "sluice-secret"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port_run(8)
        self.figures_port = self.port + 3
        self.tls_dir = folder / "tls"
        """ca.pem, client.pem, client.key."""

    @property
    def host(self) -> str:
        return (self.folder / "address").read_text().strip()

    @property
    def address(self) -> str:
        """The gRPC proxy; with and without TLS."""
        return f"{self.host}:{self.port}"

    def start(self) -> None:
        """Returns when broker and proxy accept connections, and the name server knows the broker."""
        if shutil.which("java") is None:
            raise ServerMissing("java is not installed: run make servers")
        script("rocketmq.sh", "start", str(self.folder), str(self.port))
        deadline = time.monotonic() + ANSWER_S
        while not self._is_registered():
            if time.monotonic() > deadline:
                raise TimeoutError("the name server does not hear of the broker")
            time.sleep(0.1)

    def _is_registered(self) -> bool:
        """Whether the name server knows the broker; before that it has no topics."""
        with connected(self.host, self.port + 2) as link:
            return b'"brokerName":"a"' in link.ask(_CLUSTER_INFORMATION, {}).body

    def administered(self) -> AbstractContextManager[Link]:
        """A connection to the broker."""
        return connected(self.host, self.port + 6, self.access_key, self.secret_key)

    def stop(self) -> None:
        """A clean end."""
        script("rocketmq.sh", "stop", str(self.folder))

    def kill(self) -> None:
        """SIGKILL; returns when its ports are free again."""
        script("rocketmq.sh", "kill", str(self.folder))


class Rsyslog:
    """Debian's syslog, which forwards what it is told at `socket`. Its queue is in memory, and keeps what cannot be forwarded yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "socket"
        self.tls_dir = folder / "tls"
        """ca.pem, server.pem, server.key, client.pem, client.key."""

    def start(self, port: int, way: str) -> None:
        """Forwards to that port of this machine from now on: `udp`, `tcp` (octets counted), `lines` (TCP with line feeds) or `tls`."""
        script("rsyslog.sh", "start", str(self.folder), str(port), way)

    def stop(self) -> None:
        """A clean end."""
        script("rsyslog.sh", "stop", str(self.folder))

    def kill(self) -> None:
        script("rsyslog.sh", "kill", str(self.folder))


class Kube:
    """A Kubernetes API server that tells a webhook at `url`, to which it shows `token`, what is done to config maps; a change is answered
    when the webhook has answered, or was asked in vain a few times. Who listens at `webhook_port` has a certificate in `folder`/tls. Its
    data and ports stay the same through `stop`, `kill` and `start`."""

    token = "a token of some length"

    def __init__(self, folder: Path, path: str) -> None:
        self.folder = folder
        self.port = free_port_run(4)
        self.webhook_port = self.port + 3
        self.url = f"https://localhost:{self.webhook_port}{path}"

    def start(self) -> None:
        """Returns when it serves objects. Waits for whoever is building it."""
        script("kube.sh", "start", str(self.folder), str(self.port), self.url, self.token, timeout_s=KUBE_BUILT_S)

    def stop(self) -> None:
        """A clean end."""
        script("kube.sh", "stop", str(self.folder))

    def kill(self) -> None:
        """SIGKILL; returns when its ports are free again."""
        script("kube.sh", "kill", str(self.folder))

    def create_config_map(self, name: str, value: bytes) -> int:
        """The status of the answer."""
        content = {"metadata": {"name": name}, "binaryData": {"value": base64.b64encode(value).decode()}}
        return self._ask("POST", "/api/v1/namespaces/default/configmaps", content)

    def delete_config_map(self, name: str) -> int:
        return self._ask("DELETE", f"/api/v1/namespaces/default/configmaps/{name}", {})

    def _ask(self, method: str, path: str, content: object) -> int:
        tls = ssl.create_default_context(cafile=str(self.folder / "tls" / "ca.pem"))
        tls.load_cert_chain(self.folder / "tls" / "client.pem", self.folder / "tls" / "client.key")
        connection = http.client.HTTPSConnection("localhost", self.port, context=tls, timeout=60)
        try:
            connection.request(method, path, json.dumps(content), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()  # a large one begins before the webhook has answered, and ends after that
            return answer.status
        finally:
            connection.close()


def script(name: str, *arguments: str, timeout_s: float = 100) -> None:
    """Runs one of the server scripts. What it starts does not outlive this process."""
    command = [str(SCRIPTS / name), *arguments]
    environment = os.environ | {"OWNER": str(os.getpid())}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=timeout_s)
    if done.returncode == EX_UNAVAILABLE:
        raise ServerMissing(done.stderr.strip())
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-2000:]}")


def require_runtime(name: str) -> None:
    """What a test of handlers does where the machine has no interpreter of their language."""
    try:
        program(Function("urn", runtime=name))
    except StartFailed as reason:
        missing(str(reason))


def missing(reason: str) -> NoReturn:
    """What a fixture does about a missing server: a visible skip at home, a failure with CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
