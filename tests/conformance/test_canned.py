"""The canned kinds have every behaviour."""

import pytest

from tests.conformance.bench import Bench
from tests.conformance.canned import LogBench, QueueBench
from tests.conformance.suite import TriggerConformance


class TestLog(TriggerConformance):
    @pytest.fixture
    def bench(self) -> Bench:
        return LogBench()


class TestQueue(TriggerConformance):
    @pytest.fixture
    def bench(self) -> Bench:
        return QueueBench()
