"""Functions in containers of a real Docker daemon, made and invoked through the API."""

import json
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.driver import FUNCTIONS, Sluice
from tests.e2e.test_functions import answering, invoke
from tests.servers import Docker

ECHO = FUNCTIONS / "echo"
IMAGE = "sluice-e2e-echo"
ON_ALL_ADDRESSES = {"HOST": "0.0.0.0"}


@pytest.fixture(params=["one process", "mesh"], scope="module")
def sluice(request: pytest.FixtureRequest, docker: Docker) -> Iterator[Sluice]:
    docker.make_image(IMAGE, ECHO, "./bootstrap")
    environment = {"SLUICE_ENGINE": "docker", "SLUICE_DOCKER": docker.address, "SLUICE_DOCKER_BASE_IMAGE": docker.python}
    with tempfile.TemporaryDirectory(prefix="sluice-e2e-", dir="/var/tmp") as folder:
        running = Sluice(Path(folder) / "data", mesh=request.param == "mesh", environment=environment)
        try:
            running.start()
            yield running
        finally:
            running.close()


def image_function(sluice: Sluice, **custom_image: str) -> str:
    """The echo function as an image: its URN."""
    image = {"enabled": True, "image": IMAGE, **custom_image}
    settings: dict[str, Any] = {"code_type": "Custom-Image-Swr", "func_code": None, "code_filename": None, "custom_image": image}
    return sluice.function(f"image-{secrets.token_hex(4)}", ECHO, environment=ON_ALL_ADDRESSES, **settings)


def told(sluice: Sluice, urn: str) -> dict[str, Any]:
    """What the function tells of itself."""
    status, answer = invoke(sluice, urn, {"do": "tell"})
    assert status == 200, answer
    of_itself: dict[str, Any] = json.loads(answer["result"])
    return of_itself


def test_an_image_is_invoked_as_user_1003_with_what_it_says_itself(sluice: Sluice) -> None:
    of_itself = told(sluice, image_function(sluice))
    assert (of_itself["path"], of_itself["uid"], of_itself["folder"]) == ("/invoke", 1003, "/opt/function/code")
    assert of_itself["environment"]["RUNTIME_CODE_ROOT"] == "/opt/function/code"


def test_command_arguments_folder_and_user_of_the_function_go_before_those_of_the_image(sluice: Sluice) -> None:
    script = "cd /; MARK=$0 exec /opt/function/code/bootstrap"
    of_itself = told(
        sluice, image_function(sluice, command="/bin/sh,-c", args=f"{script},marked", working_dir="/opt", uid="1234", gid="1235")
    )
    assert (of_itself["uid"], of_itself["folder"], of_itself["environment"]["MARK"]) == (1234, "/", "marked")
    assert of_itself["environment"]["PWD"] == "/"
    assert of_itself["environment"]["OLDPWD"] == "/opt"


def test_a_package_runs_in_the_base_image(sluice: Sluice, tmp_path: Path) -> None:
    bootstrap = tmp_path / "bootstrap"
    bootstrap.write_text("#!/usr/bin/env python3\n" + answering(r"connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere')"))
    bootstrap.chmod(0o755)
    status, answer = invoke(sluice, sluice.function(f"packed-{secrets.token_hex(4)}", tmp_path), {})
    assert (status, answer["result"]) == (200, "here")


def test_doctor_names_the_engine(sluice: Sluice) -> None:
    report = sluice.ours("/doctor")
    assert "docker: bridge; memory limit by cgroup" in json.dumps(report)
