"""Fixtures that every kind of test may ask for."""

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

from tests.servers import (
    KUBE_BUILT_S,
    Docker,
    Kafka,
    Kube,
    Mongo,
    Mosquitto,
    Moto,
    RabbitMq,
    RocketMq,
    Rsyslog,
    Server,
    ServerMissing,
    missing,
)

# What suites and helpers assert explains itself as it does in a test.
pytest.register_assert_rewrite("tests.conformance", "tests.contracts", "tests.e2e", "tests.integration")

SERVERS = frozenset({"docker", "kafka", "kube", "mongo", "mosquitto", "moto", "rabbitmq", "rocketmq", "rsyslog"})

S = TypeVar("S", bound=Server)

# how long an example takes says nothing on a machine that has other work
settings.register_profile("sluice", deadline=None)
settings.load_profile("sluice")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what leans on a real server, so that `make unit` can leave it out wherever it lives. What is still being built when the tests
    begin comes last."""
    for item in items:
        if isinstance(item, pytest.Function) and SERVERS.intersection(item.fixturenames):
            item.add_marker("server")
    items.sort(key=_waits_for_a_build)
    for item in items:
        if _waits_for_a_build(item):
            item.add_marker(pytest.mark.timeout(KUBE_BUILT_S + 120))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """On the build farm nothing is skipped, whatever the reason."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        report.outcome = "failed"
    return report


def _waits_for_a_build(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and "kube" in item.fixturenames


def served(server: S) -> Iterator[S]:
    """Started, and ended with the fixture. All but `moto` keep what they hold through a kill."""
    try:
        server.start()
    except ServerMissing as reason:
        missing(str(reason))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A real broker, shared by the session: use topics of your own, and start it again if you stop it."""
    yield from served(Kafka(tmp_path_factory.mktemp("kafka")))


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """A real daemon, shared by the session: start it again if you stop it. It has one image, `Docker.python`."""
    yield from served(Docker(tmp_path_factory.mktemp("docker")))


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMq]:
    """A real node, shared by the session: use queues of your own, and start it again if you stop it."""
    yield from served(RabbitMq(tmp_path_factory.mktemp("rabbitmq")))


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongo]:
    """The stand-in for MongoDB, shared by the session: use collections of your own, and start it again if you stop it."""
    yield from served(Mongo(tmp_path_factory.mktemp("mongo")))


@pytest.fixture(scope="session")
def rocketmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RocketMq]:
    """A real name server, broker and proxy, shared by the session: use topics of your own, and start it again if you stop it."""
    yield from served(RocketMq(tmp_path_factory.mktemp("rocketmq")))


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A real MQTT server, shared by the session: use topics of your own, and start it again if you stop it."""
    yield from served(Mosquitto(tmp_path_factory.mktemp("mosquitto")))


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
    yield from served(Moto(tmp_path_factory.mktemp("moto")))


@pytest.fixture(scope="session")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    """A real API server, shared by the session. Its audit webhook is the trigger of this id, behind TLS at its `webhook_port`."""
    path = "/sluice/v1/push/cts/0a0b0c0d-0000-4000-8000-000000000001"
    yield from served(Kube(tmp_path_factory.mktemp("kube"), path))
