import pytest

from tools.benches.idle import name_of


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("12 python /x/.venv/bin/sluice up --data /d", "up"),
        ("13 python /x/.venv/bin/sluice serve kafka --config c", "kafka"),
        ("14 /x/python -m sluice_cli.member dispatcher /data", "dispatcher"),
        ("14 python -S -E -c from sluice_runner.forkserver import main", "fork server and agents"),
    ],
)
def test_a_process_is_named_for_its_service(command: str, name: str) -> None:
    assert name_of(command) == name
