"""Many clients change the same functions at once: what each saw, and what is left, could have happened one after another."""

import json
import random
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.functiongraph.client import Refusal, Sdk
from tests.functiongraph.serial import Seen, has_serial_order

CLIENTS = 50
EACH = 8
NAMES = 8
SIZES = (128, 256, 512, 768, 1024)


def model(state: Any, what: Any) -> tuple[Any, Any]:
    """A name has no function, or one of a memory size."""
    verb, size = what
    match verb:
        case "create":
            return (state, "FSS.1061") if state else (size, size)
        case "update":
            return (size, size) if state else (state, "FSS.1051")
        case "delete":
            return (None, None) if state else (state, "FSS.1051")
    return state, state or "FSS.1051"


def body(name: str, size: int) -> dict[str, Any]:
    return {"func_name": name, "runtime": "Custom Image", "handler": "-", "timeout": 30, "memory_size": size}


def act(sdk: Sdk, name: str, echo: str, what: tuple[str, int]) -> Seen:
    """One operation on the name, as its client saw it."""
    verb, size = what
    sent = time.monotonic()
    try:
        match verb:
            case "create":
                new = {"package": "default", "code_type": "zip", "func_code": {"file": echo}}
                answer = sdk("create_function", body={**body(name, size), **new}).memory_size
            case "update":
                answer = sdk("update_function_config", function_urn=name, body=body(name, size)).memory_size
            case "delete":
                answer = sdk("delete_function", function_urn=name).raw_content or None
            case _:
                answer = sdk("show_function_config", function_urn=name).memory_size
    except Refusal as refusal:
        answer = refusal.error_code
    return Seen(sent, time.monotonic(), what, answer)


def test_what_50_clients_do_to_the_same_names_has_a_serial_order(sdk: Sdk, echo: str) -> None:
    names = [f"shared-{secrets.token_hex(4)}" for _ in range(NAMES)]

    def client(number: int) -> list[tuple[str, Seen]]:
        chance, own = random.Random(number), Sdk(sdk.credentials)
        done = []
        for _ in range(EACH):
            name, what = chance.choice(names), (chance.choice(("create", "create", "update", "delete", "show")), chance.choice(SIZES))
            done.append((name, act(own, name, echo, what)))
        return done

    with ThreadPoolExecutor(CLIENTS) as pool:
        seen = [each for done in pool.map(client, range(CLIENTS)) for each in done]
    last = [(name, act(sdk, name, echo, ("show", 0))) for name in names]
    assert len(seen) == CLIENTS * EACH
    for name in names:
        history = [one for of, one in [*seen, *last] if of == name]
        assert has_serial_order(history, model, None), (name, json.dumps(sorted(history), default=str))
    left = {shown.func_name for shown in sdk("list_functions", func_name="shared-").functions or []}
    assert left & set(names) == {name for name, one in last if one.answer != "FSS.1051"}
    for name in left & set(names):
        sdk("delete_function", function_urn=name)


def test_a_history_without_a_serial_order_is_found_out() -> None:
    made, lost = Seen(0, 1, ("create", 128), 128), Seen(2, 3, ("show", 0), "FSS.1051")
    assert not has_serial_order([made, lost], model, None)
    assert has_serial_order([made, lost._replace(sent=0.5)], model, None)
    twice = [made, Seen(0, 1, ("create", 256), 256)]
    assert not has_serial_order(twice, model, None)
