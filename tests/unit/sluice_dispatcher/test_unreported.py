"""An end that nobody can be told of yet is counted by the kind of its destination, and named once."""

from structlog.testing import capture_logs

from sluice.catalog import Change
from sluice.event import Event, random_id
from sluice.function import Alias, Asynchronous, Function
from sluice.outcome import FailureKind
from tests.unit.sluice_dispatcher.fake_runner import failed
from tests.unit.sluice_dispatcher.mesh import FUNCTION, URN, Mesh
from tests.waiting import until

BUCKET = 'OBS:{"bucket": "ends"}'


async def end(mesh: Mesh, state: str, urn: str = URN) -> None:
    """One asynchronous invocation that ends so."""
    event = Event(random_id(), b"{}")
    await mesh.dispatcher.invoke_async("p1", urn, event)
    await mesh.running(1)
    mesh.runner.answer(failed(FailureKind.FUNCTION_ERROR) if state == "FAIL" else None)
    await mesh.until_state(event.id, state)


def counted(mesh: Mesh) -> dict[str, float]:
    return {labels[0]: value for metric, labels, value in mesh.exposition.samples() if metric.name == "sluice_ends_unreported_total"}


async def test_ends_are_counted_by_the_kind_of_their_destination(mesh: Mesh) -> None:
    mesh.define(Function(URN, on_success=BUCKET, on_failure=f"{FUNCTION}:other"))
    with capture_logs() as logs:
        for state in ("SUCCESS", "SUCCESS", "FAIL"):
            await end(mesh, state)
        await until(lambda: counted(mesh) == {"OBS": 2, "FunctionGraph": 1})  # told behind the commit
    told = [(log["function"], log["destination"]) for log in logs if log["event"] == "ends_are_not_reported"]
    assert told == [(URN, "OBS"), (URN, "FunctionGraph")]


async def test_an_end_that_nobody_wants_to_be_told_of_is_not_counted(mesh: Mesh) -> None:
    mesh.define(Function(URN, on_failure=BUCKET))
    await end(mesh, "SUCCESS")
    mesh.define(Function(URN))
    await end(mesh, "FAIL")
    assert counted(mesh) == {}


async def test_an_aliass_own_destinations_are_those_of_its_events(mesh: Mesh) -> None:
    alias = f"{FUNCTION}:!live"
    mesh.snapshot.apply(Change(2, alias=Alias(alias, "latest", asynchronous=Asynchronous(0, 60, BUCKET))))
    await end(mesh, "SUCCESS", alias)
    await end(mesh, "SUCCESS")
    assert counted(mesh) == {"OBS": 1}
    mesh.snapshot.apply(Change(3, removed=f"alias:{alias}"))


async def test_what_was_configured_before_the_start_counts_too(mesh: Mesh) -> None:
    mesh.define(Function(URN, on_success=BUCKET))
    await mesh.restart()
    await end(mesh, "SUCCESS")
    assert counted(mesh) == {"OBS": 1}
