"""What a container is made as."""

from pathlib import Path

import pytest
from msgspec import structs

from sluice.engine import Start, StartFailed
from sluice.function import Function
from sluice_runner.docker_container import Surroundings, configuration, name_of

URN = "urn:fss:region:project:function:default:hello:latest"
BRIDGE = Surroundings("0123456789ab", "base", "sluice-0123456789ab", published=False, processors=2)
PUBLISHED = BRIDGE._replace(published=True)


def image(memory_mb: int = 128) -> Start:
    return Start("hello@1", Function(URN, image="hello:1", memory_mb=memory_mb), {"COLOUR": "blue", "SAYING": "a=b c"})


@pytest.fixture
def package(tmp_path: Path) -> Start:
    (tmp_path / "bootstrap").touch()
    return Start("hello-1", Function(URN, code="c" * 128), {}, tmp_path)


def test_the_environment_is_the_given_one_and_where_the_code_is() -> None:
    assert configuration(image(), BRIDGE)["Env"] == [
        "COLOUR=blue",
        "SAYING=a=b c",
        "RUNTIME_CODE_ROOT=/opt/function/code",
        "SLUICE_INSTANCE=0123456789ab/hello@1",
    ]


def test_an_image_keeps_its_own_command_and_folder() -> None:
    made = configuration(image(), BRIDGE)
    assert made["Image"] == "hello:1"
    assert not {"Entrypoint", "Cmd", "WorkingDir"} & set(made)
    assert made["HostConfig"]["Mounts"] == []


def test_what_the_function_says_goes_before_what_the_image_says() -> None:
    order = image()
    told = structs.replace(order.function, image_command=("/bin/sh", "-c"), image_args=("run",), image_folder="/srv", uid=1234, gid=1235)
    made = configuration(structs.replace(order, function=told), BRIDGE)
    assert (made["Entrypoint"], made["Cmd"], made["WorkingDir"], made["User"]) == (["/bin/sh", "-c"], ["run"], "/srv", "1234:1235")
    assert "uid=1234,gid=1235" in made["HostConfig"]["Tmpfs"]["/tmp"]


def test_who_is_not_named_is_user_1003() -> None:
    assert configuration(image(), BRIDGE)["User"] == "1003:1003"


def test_a_package_is_mounted_read_only_into_the_base_image(package: Start) -> None:
    made = configuration(package, BRIDGE)
    assert (made["Image"], made["Entrypoint"], made["WorkingDir"]) == ("base", ["./bootstrap"], "/opt/function/code")
    assert made["HostConfig"]["Mounts"] == [
        {"Type": "bind", "Source": str(package.code), "Target": "/opt/function/code", "ReadOnly": True},
    ]


def test_the_port_is_published_on_loopback_or_not_at_all() -> None:
    assert configuration(image(), BRIDGE)["HostConfig"]["PortBindings"] == {}
    assert configuration(image(), PUBLISHED)["HostConfig"]["PortBindings"] == {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}


@pytest.mark.parametrize(("memory_mb", "nano_cpus"), [(128, 300_000_000), (1024, 800_000_000), (10_240, 2_000_000_000)])
def test_processor_time_goes_with_the_memory_up_to_what_there_is(memory_mb: int, nano_cpus: int) -> None:
    assert configuration(image(memory_mb), BRIDGE)["HostConfig"]["NanoCpus"] == nano_cpus


def test_there_is_no_swap() -> None:
    host = configuration(image(256), BRIDGE)["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 256 << 20


def test_processes_are_limited_where_the_machine_can() -> None:
    assert configuration(image(), BRIDGE)["HostConfig"]["PidsLimit"] == 1024
    assert "PidsLimit" not in configuration(image(), BRIDGE._replace(limits_processes=False))["HostConfig"]


def test_the_name_is_one_that_docker_takes() -> None:
    assert name_of(image(), BRIDGE) == "sluice-0123456789ab-hello-1"


@pytest.mark.parametrize("runtime", ["Python3.10", "Node.js18.15", "Custom"])
def test_a_runtime_whose_server_is_the_platforms_is_refused(package: Start, runtime: str) -> None:
    handled = structs.replace(package, function=structs.replace(package.function, runtime=runtime))
    with pytest.raises(StartFailed, match=f"not the runtime {runtime}"):
        configuration(handled, BRIDGE)


def test_a_package_without_a_base_image_is_refused(package: Start) -> None:
    with pytest.raises(StartFailed, match="docker_base_image"):
        configuration(package, BRIDGE._replace(base_image=""))


def test_a_package_without_a_bootstrap_is_refused(package: Start, tmp_path: Path) -> None:
    (tmp_path / "bootstrap").unlink()
    with pytest.raises(StartFailed, match="no bootstrap"):
        configuration(package, BRIDGE)
