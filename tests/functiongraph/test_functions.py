"""Functions through the unmodified SDK."""

from tests.functiongraph.client import Sdk


def test_show_function_config_of_nothing_is_refused(sdk: Sdk, name: str) -> None:
    sdk.refused("show_function_config", "FSS.1051", 404, function_urn=name)
