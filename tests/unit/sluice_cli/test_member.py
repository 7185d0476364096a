"""A service of the mesh as its own process: what it is made of, and how it refuses to start."""

import subprocess
import sys

import pytest

HEAVY = {"rich", "typer", "aiohttp", "opentelemetry.sdk", "grpc_reflection.v1alpha.reflection", "google.protobuf.descriptor_pb2"}


@pytest.mark.parametrize("service", ["control", "dispatcher", "gateway", "runner", "timer"])
def test_a_service_carries_no_library_that_it_does_not_use_when_idle(service: str) -> None:
    program = f"import sys, sluice_cli.member, sluice_cli.serve; sluice_cli.serve.find({service!r})"
    program += "; print(*(name for name, module in sys.modules.items() if module is not None))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "grpc" in done.stdout.split()
    assert not HEAVY & set(done.stdout.split())
