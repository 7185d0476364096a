"""Fixtures that every kind of test may ask for."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Kafka, Mongo, Mosquitto, Moto, RabbitMq, RocketMq, Rsyslog, ServerMissing, missing

SERVERS = frozenset({"kafka", "mongo", "mosquitto", "moto", "rabbitmq", "rocketmq", "rsyslog"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what leans on a real server, so that `make unit` can leave it out wherever it lives."""
    for item in items:
        if isinstance(item, pytest.Function) and SERVERS.intersection(item.fixturenames):
            item.add_marker("server")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A real broker, shared by the session: use topics of your own, and start it again if you stop it."""
    server = Kafka(tmp_path_factory.mktemp("kafka"))
    try:
        server.start()
    except ServerMissing as reason:
        missing(str(reason))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMq]:
    """A real node, shared by the session: use queues of your own, and start it again if you stop it."""
    server = RabbitMq(tmp_path_factory.mktemp("rabbitmq"))
    try:
        server.start()
    except ServerMissing as reason:
        missing(str(reason))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongo]:
    """The stand-in for MongoDB, shared by the session: use collections of your own, and start it again if you stop it."""
    server = Mongo(tmp_path_factory.mktemp("mongo"))
    try:
        server.start()
    except ServerMissing as reason:
        missing(str(reason))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def rocketmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RocketMq]:
    """A real name server, broker and proxy, shared by the session: use topics of your own, and start it again if you stop it."""
    server = RocketMq(tmp_path_factory.mktemp("rocketmq"))
    try:
        server.start()
    except ServerMissing as reason:
        missing(str(reason))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A real MQTT server, shared by the session: use topics of your own, and start it again if you stop it."""
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    try:
        server.start()
    except ServerMissing as reason:
        missing(str(reason))
    yield server
    server.kill()


@pytest.fixture
def rsyslog(tmp_path: Path) -> Iterator[Rsyslog]:
    """One that does not run yet: it wants to know whither it forwards."""
    if not shutil.which("rsyslogd", path=f"{os.environ['PATH']}:/usr/sbin"):
        missing("rsyslogd is not installed: run make servers")
    server = Rsyslog(tmp_path / "rsyslog")
    yield server
    server.kill()


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    """Kinesis, SQS, SNS and S3, shared by the session: use names of your own. Whoever stops it takes from everybody what they made there,
    so a test that does starts one of its own."""
    server = Moto(tmp_path_factory.mktemp("moto"))
    try:
        server.start()
    except ServerMissing as reason:
        missing(str(reason))
    yield server
    server.kill()
