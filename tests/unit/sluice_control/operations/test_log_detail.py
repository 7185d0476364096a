"""The names of logs through the API."""

from tests.unit.sluice_control.client import Client, function_body

FUNCTIONS = "/v2/{p}/fgs/functions"
NAMES = {"group_name", "group_id", "stream_id", "stream_name"}


async def test_the_log_of_asynchronous_states_has_names_once_it_was_enabled(api: Client) -> None:
    before = (await api("GET", f"{FUNCTIONS}/async-status-log-detail")).json
    assert before == dict.fromkeys(NAMES, "")
    for _ in range(2):
        assert (await api("POST", f"{FUNCTIONS}/enable-async-status-logs")).status == 200
    after = (await api("GET", f"{FUNCTIONS}/async-status-log-detail")).json
    assert set(after) == NAMES
    assert all(after.values())
    assert (await api.of_project("f" * 32)("GET", f"{FUNCTIONS}/async-status-log-detail")).json == before


async def test_a_functions_log_has_the_names_of_its_configuration_or_its_own(api: Client) -> None:
    given = {"group_name": "g", "group_id": "1", "stream_name": "s", "stream_id": "2"}
    await api("POST", FUNCTIONS, function_body())
    await api("POST", FUNCTIONS, function_body("named", log_config=given))
    own = (await api("GET", f"{FUNCTIONS}/hello/lts-log-detail")).json
    assert set(own) == NAMES
    assert own["stream_name"] == "default-hello"
    assert (await api("GET", f"{FUNCTIONS}/named/lts-log-detail")).json == given
    assert (await api("GET", f"{FUNCTIONS}/nobody/lts-log-detail")).error == (404, "FSS.1051")
