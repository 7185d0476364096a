"""The engine that the settings name. What another one needs is not imported."""

from sluice.engine import Engine
from sluice.errors import ConfigurationError
from sluice.settings import Settings
from sluice_runner.engine_process import ProcessEngine


def engine_of(settings: Settings) -> Engine:
    """Not entered yet. Raises ConfigurationError if its extra is not installed."""
    if settings.engine == "process":
        return ProcessEngine(settings.data, isolation=settings.isolation)
    try:
        from sluice_runner.engine_docker import DockerEngine
    except ModuleNotFoundError as error:
        raise ConfigurationError(f'engine: docker needs {error.name}: pip install "sluice[runner]"') from None
    return DockerEngine(settings.data, settings.docker, settings.docker_base_image, pull=settings.docker_pull == "missing")
