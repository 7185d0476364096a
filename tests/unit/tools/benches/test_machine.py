import platform

from tools.benches.machine import describe, processor


def test_the_processor_is_named() -> None:
    assert processor("processor\t: 0\nmodel name\t: AMD EPYC\n") == "AMD EPYC"


def test_without_a_name_its_kind_must_do() -> None:
    assert processor("processor : 0\n") == platform.machine()


def test_the_machine_is_one_line() -> None:
    assert "\n" not in describe()
