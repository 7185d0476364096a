from pathlib import Path

from sluice_runner.resolver import name_servers


def file(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def test_servers_on_the_loopback_are_left_out(tmp_path: Path) -> None:
    own = file(tmp_path / "own", "search a.org\nnameserver 127.0.0.53\nnameserver 10.0.0.2\noptions edns0\n")
    assert name_servers((own,)) == "search a.org\nnameserver 10.0.0.2\noptions edns0\n"


def test_with_only_a_stub_on_the_loopback_the_servers_behind_it_are_used(tmp_path: Path) -> None:
    stub = file(tmp_path / "stub", "nameserver 127.0.0.53\n")
    behind = file(tmp_path / "behind", "nameserver 192.0.2.53\n")
    assert name_servers((stub, behind)) == "nameserver 192.0.2.53\n"


def test_without_any_there_is_nothing(tmp_path: Path) -> None:
    assert name_servers((tmp_path / "missing", file(tmp_path / "stub", "nameserver ::1\n"))) == ""
