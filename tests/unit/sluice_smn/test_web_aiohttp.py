"""What is fetched, and what is not, from a server of this machine."""

import asyncio
from collections.abc import Iterator

import pytest

from sluice.errors import Unavailable
from sluice_smn import web_aiohttp
from sluice_smn.web import NotGiven
from sluice_smn.web_aiohttp import MOST_BYTES, AiohttpWeb
from tests.smn import TopicServer


@pytest.fixture
def server() -> Iterator[TopicServer]:
    with TopicServer().serving() as serving:
        yield serving


async def test_a_page_is_fetched_as_it_was_written(server: TopicServer) -> None:
    server.pages["/a.pem"] = (200, b"x" * MOST_BYTES)
    assert await AiohttpWeb().get(f"{server.origin}/a.pem?b=%2F&c") == b"x" * MOST_BYTES
    assert server.asked == ["/a.pem?b=%2F&c"]


async def test_hosts_may_be_reached_at_another_place_and_keep_their_name(server: TopicServer) -> None:
    server.pages["/a.pem"] = (200, b"found")
    assert await AiohttpWeb(server.origin).get("https://sns.eu-west-1.amazonaws.com/a.pem") == b"found"
    assert server.hosts == ["sns.eu-west-1.amazonaws.com"]


async def test_a_redirect_is_not_followed(server: TopicServer) -> None:
    server.pages["/a.pem"] = (302, f"{server.origin}/b.pem".encode())
    server.pages["/b.pem"] = (200, b"elsewhere")
    with pytest.raises(NotGiven, match="302"):
        await AiohttpWeb().get(f"{server.origin}/a.pem")
    assert server.asked == ["/a.pem"]


async def test_more_than_so_much_is_not_taken(server: TopicServer) -> None:
    server.pages["/a.pem"] = (200, b"x" * (MOST_BYTES + 1))
    with pytest.raises(NotGiven, match="more than"):
        await AiohttpWeb().get(f"{server.origin}/a.pem")


@pytest.mark.parametrize(("status", "error"), [(404, NotGiven), (403, NotGiven), (500, Unavailable), (503, Unavailable)])
async def test_what_may_be_otherwise_later_is_told_from_what_will_not(server: TopicServer, status: int, error: type[Exception]) -> None:
    server.pages["/a.pem"] = (status, b"")
    with pytest.raises(error):
        await AiohttpWeb().get(f"{server.origin}/a.pem")


async def test_a_server_that_does_not_answer_is_given_up(server: TopicServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_aiohttp, "WITHIN_S", 0.1)
    server.go_on.clear()
    with pytest.raises(Unavailable, match="does not answer"):
        await AiohttpWeb().get(f"{server.origin}/a.pem")
    server.go_on.set()


async def test_nobody_there_is_unavailable_and_says_no_secret() -> None:
    listening = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    with pytest.raises(Unavailable) as away:
        await AiohttpWeb().get(f"http://127.0.0.1:{port}/?Token=secret")
    assert "secret" not in str(away.value)
    listening.close()
    await listening.wait_closed()
    with pytest.raises(Unavailable, match=f"127.0.0.1:{port}"):
        await AiohttpWeb().get(f"http://127.0.0.1:{port}/?Token=secret")
