"""docs/conformance.md is what the conformance tests make of it."""

from collections.abc import Mapping
from types import ModuleType

import pytest

from tests.conformance.bench import Bench
from tests.conformance.suite import BEHAVIOURS, BY_NATURE, TriggerConformance
from tools.conformance import PAGE, STALE, Gear, Kind, gears, kinds, page


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text() == page(kinds()), STALE


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_a_kind_is_put_through_the_suite_and_leaves_out_only_what_it_may(kind: Kind) -> None:
    assert kind.gears, f"tests/conformance/test_{kind.name}.py is missing"
    for gear in kind.gears:
        assert set(gear.cannot) <= BY_NATURE
        assert all(gear.cannot.values())


def module_of(**content: object) -> ModuleType:
    module = ModuleType("tests.conformance.test_sample")
    for value in content.values():
        if isinstance(value, type):
            value.__module__ = module.__name__
    vars(module).update(content)
    return module


class SampleBench(Bench):
    cannot: Mapping[str, str] = {"order_is_kept": "it is a sample"}


class RealSampleBench(SampleBench):
    cannot: Mapping[str, str] = {}


class Fake(TriggerConformance):
    @pytest.fixture
    def bench(self) -> Bench:
        return SampleBench()  # type: ignore[abstract]


class Real(TriggerConformance):
    @pytest.fixture
    def bench(self, kafka: object) -> Bench:
        return RealSampleBench()  # type: ignore[abstract]


def test_what_a_kind_is_put_through_is_read_off_its_tests() -> None:
    module = module_of(SampleBench=SampleBench, RealSampleBench=RealSampleBench, TestFake=Fake, TestReal=Real)
    fake, real = gears(module)
    assert (fake.bench, fake.is_real, fake.servers, fake.cannot) == ("SampleBench", False, (), {"order_is_kept": "it is a sample"})
    assert (real.bench, real.is_real, real.servers, real.cannot) == ("RealSampleBench", True, ("kafka",), {})
    kind = Kind("sample", "A sample.", (fake, real))
    assert (kind.marks("order_is_kept"), kind.marks("what_is_accepted_is_confirmed")) == ("R", "F R")
    assert "order is kept (TestFake): it is a sample" in page([kind])


def test_a_class_whose_bench_cannot_be_told_is_named() -> None:
    with pytest.raises(LookupError, match=r"test_sample\.TestFake"):
        list(gears(module_of(TestFake=Fake)))


def test_a_kind_without_tests_or_with_a_fake_alone_is_seen_to_be_so() -> None:
    fake = Gear("TestFake", "SampleBench", (), {}, "tests/conformance/test_sample.py")
    made = page([Kind("alone", "Alone.", (fake,)), Kind("untested")])
    assert "Nothing real is behind it" in made.partition("## untested")[0]
    assert "No conformance tests" in made.partition("## untested")[2]
    assert f"| untested | {' | '.join('-' * len(BEHAVIOURS))} |" in made
