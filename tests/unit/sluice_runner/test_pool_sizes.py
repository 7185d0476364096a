"""Instances of several memory sizes of one function version."""

from sluice_runner.fleet import State
from sluice_runner.pool import Pool, StopWorker
from tests.unit.sluice_runner.test_pool import LIMITS, function, started, up


def test_each_size_has_instances_of_its_own() -> None:
    pool = Pool[str](LIMITS)
    small = up(pool, "a", function())
    large = up(pool, "b", function().sized(512))
    assert (small.function.memory_mb, large.function.memory_mb, pool.committed_mb) == (128, 512, 640)
    pool.release(small, 0.01, 1.0)
    pool.release(large, 0.01, 1.0)
    assert pool.take("c", function().sized(512), 1.0) is large
    assert pool.take("d", function(), 1.0) is small


def test_the_functions_maximum_counts_all_sizes() -> None:
    pool = Pool[str](LIMITS)
    only = function(max_instances=1)
    up(pool, "a", only)
    assert pool.take("b", only.sized(256), 0.0) is None
    assert started(pool.decide(0.0)) == []


def test_an_idle_instance_of_another_size_makes_place_at_the_maximum() -> None:
    pool = Pool[str](LIMITS)
    only = function(max_instances=1)
    small = up(pool, "a", only)
    pool.release(small, 0.01, 1.0)
    assert pool.take("b", only.sized(256), 1.0) is None
    assert pool.decide(1.0) == [StopWorker(small, "another memory size is asked for")]
    assert small.state is State.DRAINING
    pool.ended(small, None, 1.1)
    (large,) = started(pool.decide(1.1))
    assert pool.ready(large, 1.2) == ["b"]


def test_sizes_that_are_idle_are_forgotten_with_their_instances() -> None:
    pool = Pool[str](LIMITS)
    large = up(pool, "a", function().sized(512))
    pool.release(large, 0.01, 1.0)
    pool.sweep(100.0)
    assert pool.decide(100.0) == [StopWorker(large, "idle")]
    pool.ended(large, None, 100.0)
    pool.sweep(200.0)
    assert (pool.fleets, pool.committed_mb) == ({}, 0)
