"""What `sluice doctor` says of an engine."""

from sluice.engine import Isolation
from sluice_runner.checks import checks


def test_of_the_docker_engine_doctor_says_how_instances_are_reached_and_what_they_may_be() -> None:
    isolation = Isolation("docker", "bridge", own_network=True, way_out=True, data_hidden=True, memory_limit="cgroup", notes=("a note",))
    assert [(check.name, check.ok, check.detail) for check in checks(isolation)] == [
        ("engine", True, "docker: bridge; memory limit by cgroup"),
        ("runtimes", True, "images, and packages with a bootstrap"),
        ("data hidden from functions", True, "a note"),
    ]


def test_of_the_process_engine_doctor_says_which_interpreters_there_are() -> None:
    (runtimes,) = (check for check in checks(Isolation("process", "user")) if check.name == "runtimes")
    assert "Python: " in runtimes.detail
