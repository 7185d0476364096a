"""The register of metrics and its text."""

from prometheus_client.parser import text_string_to_metric_families

from sluice.metrics import MOST_SERIES, OTHER, PENDING, RECEIVED, REGISTER, RESTARTS, Counter, Exposition


def parsed(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(text)
    return {(sample.name, tuple(sample.labels.values())): sample.value for family in families for sample in family.samples}


def test_the_text_is_what_prometheus_reads() -> None:
    exposition = Exposition()
    counter = Counter(RECEIVED)
    counter.add('a "b"\\\n', by=3)
    exposition.add(counter.samples)
    exposition.add(lambda: [(PENDING, ("t",), 10**15 + 1)])
    values = parsed(exposition.text())
    assert values[(RECEIVED.name, ('a "b"\\\n',))] == 3
    assert values[(PENDING.name, ("t",))] == 10**15 + 1


def test_the_same_series_from_two_sources_is_summed() -> None:
    exposition = Exposition()
    for _ in range(2):
        exposition.add(lambda: [(RESTARTS, ("error",), 1)])
    assert parsed(exposition.text())[(RESTARTS.name, ("error",))] == 2


def test_labels_are_bounded_and_the_rest_is_summed() -> None:
    exposition = Exposition()
    exposition.add(lambda: [(RECEIVED, (f"t{number}",), 1) for number in range(MOST_SERIES + 50)])
    values = parsed(exposition.text())
    assert len(values) == MOST_SERIES + 1
    assert values[(RECEIVED.name, (OTHER,))] == 50
    assert sum(values.values()) == MOST_SERIES + 50


def test_no_name_is_registered_twice() -> None:
    names = [metric.name for metric in REGISTER]
    assert len(names) == len(set(names))
