"""Bodies that work, for the API's document. A test sends each of them: `hello` is a function, `v1` one of its versions."""

from collections.abc import Mapping
from typing import Any

_FUNCTION: dict[str, Any] = {
    "func_name": "example",
    "runtime": "Custom Image",
    "handler": "-",
    "timeout": 30,
    "memory_size": 128,
}
_IMAGE = {"code_type": "Custom-Image-Swr", "custom_image": {"enabled": True, "image": "registry.example/hello:1"}}

EXAMPLES: Mapping[str, Mapping[str, dict[str, Any]]] = {
    "create_function": {"image": _FUNCTION | {"package": "default"} | _IMAGE},
    "update_function_config": {"memory": _FUNCTION | {"func_name": "hello", "memory_size": 256}},
    "update_function_max_instance_config": {"ten": {"max_instance_num": 10}, "unlimited": {"max_instance_num": -1}},
    "create_function_version": {"named": {"version": "v2", "description": "The second."}},
    "create_version_alias": {"weighted": {"name": "example", "version": "v1"}},
    "update_version_alias": {"described": {"version": "v1", "description": "What production calls."}},
    "create_function_trigger": {
        "timer": {
            "trigger_type_code": "TIMER",
            "trigger_status": "ACTIVE",
            "event_data": {"name": "example", "schedule_type": "Rate", "schedule": "10m"},
        },
        "kafka": {
            "trigger_type_code": "OPENSOURCEKAFKA",
            "event_data": {"kafka_connect_address": "127.0.0.1:9092", "topic_ids": ["orders"], "batch_size": 100},
        },
    },
    "update_trigger": {"pause": {"trigger_status": "DISABLED"}},
    "update_function_async_invoke_config": {"retries": {"max_async_retry_attempts": 2, "max_async_event_age_in_seconds": 600}},
    "create_key": {"reader": {"role": "reader", "description": "For the dashboard."}},
    "redrive_dead_events": {"dry": {"limit": 10, "dry_run": True}},
    "purge_dead_events": {"old": {"until": 1.0}},
}
