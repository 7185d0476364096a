"""One request to a server that answers what the test says, piece by piece."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sluice.errors import Unavailable
from sluice_gateway.upstream import AnswerCut, asked


@asynccontextmanager
async def answering(*pieces: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that reads a request's head, sends the pieces and closes; its address and the heads that came."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


async def ask(address: str, method: bytes = b"GET") -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    async with asyncio.timeout(10), asked(address, method, b"/a%2Fb?c", [(b"host", b"x")], b"") as answer:
        return answer.status, answer.headers, b"".join([chunk async for chunk in answer.chunks()])


async def test_an_answer_with_a_length_is_read_whole() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nX-A: 1\r\ncontent-le", b"ngth: 4\r\n\r\nab", b"cd") as (address, heads):
        assert await ask(address) == (200, [(b"x-a", b"1"), (b"content-length", b"4")], b"abcd")
    assert heads == [b"GET /a%2Fb?c HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"]


async def test_an_answer_in_chunks_is_read_to_its_last_chunk() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n", b"1\r\nc\r\n0\r\n\r\n") as (address, _):
        assert (await ask(address))[2] == b"abc"


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_that_has_no_body_ends_with_its_head(status: int) -> None:
    async with answering(b"HTTP/1.1 %d x\r\n\r\n" % status) as (address, _):
        assert await ask(address) == (status, [], b"")


async def test_the_answer_to_a_head_request_ends_with_its_head() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n") as (address, _):
        assert await ask(address, b"HEAD") == (200, [(b"content-length", b"9")], b"")


async def test_half_an_answer_is_not_taken_for_a_whole_one() -> None:
    for half in (b"content-length: 9\r\n\r\nabc", b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n"):
        async with answering(b"HTTP/1.1 200 OK\r\n" + half) as (address, _):
            with pytest.raises(AnswerCut):
                await ask(address)


async def test_who_answers_nothing_or_no_http_is_unavailable() -> None:
    for answer in (b"", b"SSH-2.0 hello\r\n"):
        async with answering(answer) as (address, _):
            with pytest.raises(Unavailable, match="not known"):
                await ask(address)


async def test_an_address_where_nobody_listens_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="not reachable"):
        await ask("127.0.0.1:1")
