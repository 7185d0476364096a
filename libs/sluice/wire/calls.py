"""Calls as messages, and back."""

from collections.abc import Sequence

from sluice.runner import Call
from sluice.v1 import run_pb2
from sluice.wire.columns import Malformed, column, split_ids, spread
from sluice.wire.functions import Numbered
from sluice.wire.held import Key


def pack_keys(keys: Sequence[Key]) -> run_pb2.CallKeys:
    return run_pb2.CallKeys(ids=b"".join([event for event, _ in keys]), attempts=column([attempt for _, attempt in keys], 1))


def unpack_keys(packed: run_pb2.CallKeys) -> list[Key]:
    """Raises Malformed."""
    count = len(packed.ids) // 16
    return list(zip(split_ids(packed.ids, count), spread(packed.attempts, count, 1), strict=True))


def pack_calls(calls: Sequence[Call], functions: list[int]) -> run_pb2.Calls:
    """`functions` are the numbers of their functions."""
    return run_pb2.Calls(
        keys=run_pb2.CallKeys(
            ids=b"".join([call.id for call in calls]),
            attempts=column([call.attempt for call in calls], 1),
        ),
        bodies=[call.body for call in calls],
        functions=column(functions, 0),
        timeouts_s=column([call.timeout_s for call in calls], 0.0),
        modes=column([call.mode for call in calls], "async"),
        qualifiers=column([call.qualifier for call in calls], ""),
        traces=column([call.trace for call in calls], ""),
        log=column([call.log for call in calls], False),
    )


def unpack_calls(packed: run_pb2.Calls, functions: dict[int, Numbered]) -> list[Call]:
    """Raises Malformed."""
    bodies = packed.bodies
    count = len(bodies)
    try:
        return list(
            map(
                Call,
                split_ids(packed.keys.ids, count),
                [functions[number].function for number in spread(packed.functions, count, 0)],
                bodies,
                spread(packed.keys.attempts, count, 1),
                spread(packed.modes, count, "async"),
                spread(packed.qualifiers, count, ""),
                spread(packed.traces, count, ""),
                spread(packed.log, count, False),
                spread(packed.timeouts_s, count, 0.0),
            )
        )
    except KeyError as error:
        raise Malformed(f"function {error} was never named") from None
