import os
import threading

from tools.benches.processes import Process, Tree, own, used_s

SERVER = "python -S -E -c from sluice_runner.forkserver import main"


def test_functions_are_not_ours_but_their_agents_are() -> None:
    machine = [
        Process(12, 11, SERVER),
        Process(11, 10, SERVER),
        Process(13, 12, "/opt/function/code/bootstrap"),
        Process(14, 13, "sleep 1"),
        Process(10, 1, "python sluice up"),
        Process(20, 1, "python sluice up"),
    ]
    assert [process.pid for process in own(machine, 10)] == [10, 11, 12]


def test_services_of_the_mesh_belong_to_the_command_that_started_them() -> None:
    machine = [Process(11, 10, "sluice serve runner"), Process(12, 11, SERVER), Process(10, 1, "sluice up --mesh")]
    assert {process.pid for process in own(machine, 10)} == {10, 11, 12}


def test_threads_that_appear_between_two_readings_count_from_zero() -> None:
    assert used_s({1: 500_000_000}, {1: 1_500_000_000, 2: 250_000_000}) == 1.25


def test_this_process_finds_its_own_threads_and_memory() -> None:
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait, args=(30,))
    thread.start()
    try:
        tree = Tree(os.getpid())
        assert {os.getpid(), thread.native_id} <= set(tree.cpu())
        assert max(tree.resident_mib().values()) > 1
    finally:
        go_on.set()
        thread.join()
