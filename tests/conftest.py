"""Fixtures that every kind of test may ask for."""

from collections.abc import Iterator

import pytest

from tests.servers import Kafka, ServerMissing, missing


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
