import asyncio
import socket

import pytest

from sluice_runner.connection import MAX_ANSWER_BYTES, Connection, Ending, HeaderConnection, ends_with_stream
from tests.unit.sluice_runner.fake_server import Client, connected, read_request, saying, serving
from tests.waiting import until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: 1\r\n\r\nhello"


@pytest.mark.parametrize("kind", [Connection, HeaderConnection])
async def test_a_plain_answer_is_read_and_the_connection_used_again(kind: type[Connection]) -> None:
    async with connected(saying(OK), kind) as client:
        for _ in range(3):
            assert await client.ask() is Ending.ANSWERED
            assert (client.connection.status, client.connection.body, client.connection.reusable) == (200, b"hello", True)
    assert client.connection.closed


async def test_headers_are_read_where_they_are_asked_for() -> None:
    async with connected(saying(OK)) as client:
        await client.ask()
        await client.ask()
        assert client.connection.headers == (("Content-Length", "5"), ("X-One", "1"))


@pytest.mark.parametrize("size", [1, 3, 20])
async def test_an_answer_may_come_in_pieces_of_any_size(size: int) -> None:
    pieces = [OK[start : start + size] for start in range(0, len(OK), size)]
    async with connected(saying(*pieces)) as client:
        assert await client.ask() is Ending.ANSWERED
        assert client.connection.body == b"hello"


async def test_a_chunked_answer_is_put_together_and_its_trailers_are_no_headers() -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nX-Trailer: t\r\n\r\n"
    async with connected(saying(answer[:40], answer[40:58], answer[58:])) as client:
        for _ in range(2):
            assert await client.ask() is Ending.ANSWERED
            assert client.connection.body == b"hello"
            assert client.connection.headers == (("Transfer-Encoding", "chunked"),)


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_that_has_no_body_by_its_status_ends_with_its_head(status: int) -> None:
    async with connected(saying(b"HTTP/1.1 %d x\r\n\r\n" % status)) as client:
        for _ in range(2):
            assert await client.ask() is Ending.ANSWERED
            assert (client.connection.status, client.connection.body) == (status, b"")


async def test_the_answer_to_a_head_has_a_length_and_no_body() -> None:
    async with connected(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")) as client:
        assert await client.ask(bodiless=True) is Ending.ANSWERED
        assert (client.connection.body, client.connection.reusable) == (b"", False)


async def test_an_answer_without_a_length_ends_with_the_stream() -> None:
    async with connected(saying(b"HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nwhole", close=True)) as client:
        assert await client.ask() is Ending.ANSWERED
        assert (client.connection.body, client.connection.reusable) == (b"whole", False)


async def test_connection_close_is_obeyed() -> None:
    async with connected(saying(OK.replace(b"X-One: 1", b"Connection: close"))) as client:
        assert await client.ask() is Ending.ANSWERED
        assert (client.connection.body, client.connection.reusable, client.connection.closed) == (b"hello", False, True)


@pytest.mark.parametrize("together", [True, False])
async def test_answers_before_the_answer_are_passed_over(together: bool) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    async with connected(saying(early + OK) if together else saying(early[:30], early[30:], OK)) as client:
        assert await client.ask() is Ending.ANSWERED
        assert (client.connection.status, client.connection.body) == (200, b"hello")
        assert client.connection.headers == (("Content-Length", "5"), ("X-One", "1"))


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_garbage(garbage: bytes) -> None:
    async with connected(saying(garbage)) as client:
        assert await client.ask() is Ending.GARBAGE
        assert client.connection.closed


async def test_a_head_without_end_is_garbage() -> None:
    async with connected(saying(b"HTTP/1.1 200 OK\r\n", *[b"X-A: " + b"b" * 8000 + b"\r\n"] * 20)) as client:
        assert await client.ask() is Ending.GARBAGE


@pytest.mark.parametrize("cut", [10, len(OK) - 3])
async def test_a_connection_that_closes_in_the_answer_is_cut(cut: int) -> None:
    async with connected(saying(OK[:cut], close=True)) as client:
        assert await client.ask() is Ending.CUT


async def test_chunks_that_stop_with_the_stream_are_cut() -> None:
    async with connected(saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", close=True)) as client:
        assert await client.ask() is Ending.CUT


async def test_an_answer_cut_beyond_the_limit_is_too_large_whatever_else_went_wrong() -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * (MAX_ANSWER_BYTES + 1)
    async with connected(saying(half, close=True)) as client:
        assert await client.ask() is Ending.ENDLESS


async def test_a_fresh_connection_closed_without_a_byte_is_reset_and_not_reused() -> None:
    async with connected(saying(close=True)) as client:
        assert await client.ask() is Ending.RESET
        assert not client.connection.reused


async def test_a_reused_connection_closed_without_a_byte_says_that_it_was_reused() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await read_request(reader)

    async with connected(once) as client:
        assert await client.ask() is Ending.ANSWERED
        assert await client.ask() is Ending.RESET
        assert client.connection.reused


async def test_a_connection_closed_while_idle_is_told() -> None:
    async with connected(saying(OK, close=True)) as client:
        assert await client.ask() is Ending.ANSWERED
        await until(lambda: client.connection.closed)


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_an_answer_over_the_limit_is_read_to_its_end_and_thrown_away(framing: str) -> None:
    body = b"x" * (MAX_ANSWER_BYTES + 1)
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        if framing == "length"
        else b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    )
    async with connected(saying(answer)) as client:
        assert await client.ask() is Ending.TOO_LARGE
        assert client.connection.closed


async def test_an_answer_of_exactly_the_limit_is_kept() -> None:
    async with connected(
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (MAX_ANSWER_BYTES, b"x" * MAX_ANSWER_BYTES))
    ) as client:
        assert await client.ask() is Ending.ANSWERED
        assert len(client.connection.body) == MAX_ANSWER_BYTES


async def test_a_gigabyte_is_given_up_long_before_it_ends() -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        for _ in range(1024):
            writer.write(b"x" * 1024 * 1024)
            await writer.drain()
            sent += 1

    async with connected(endless) as client:
        assert await client.ask() is Ending.ENDLESS
        assert client.connection.closed
    assert sent < 64


async def test_bytes_after_the_answer_end_the_connection_and_not_the_call() -> None:
    async with connected(saying(OK + OK)) as client:
        assert await client.ask() is Ending.ANSWERED
        assert (client.connection.body, client.connection.reusable) == (b"hello", False)


async def test_bytes_that_nobody_asked_for_end_the_connection() -> None:
    go_on = asyncio.Event()

    async def talkative(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await go_on.wait()
        writer.write(OK)
        await reader.read()

    async with connected(talkative) as client:
        assert await client.ask() is Ending.ANSWERED
        go_on.set()
        await until(lambda: client.connection.closed)


async def test_a_hang_and_a_slow_drip_end_with_the_deadline() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for byte in OK[:-1]:
            writer.write(bytes((byte,)))
            await asyncio.sleep(0)
        await reader.read()

    for script in (drip, saying()):
        async with connected(script) as client:
            asking = asyncio.ensure_future(client.ask())
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_later(0.05, client.connection.expire)
            assert await asking is Ending.LATE
            assert client.connection.closed


async def test_an_abandoned_request_has_no_ending() -> None:
    endings: list[Ending] = []
    async with connected(saying()) as client:
        client.connection.send(b"", lambda _, ending: endings.append(ending))
        client.connection.abandon()
    assert endings == []


async def test_an_answer_in_two_pieces_does_not_wait_for_a_delayed_acknowledgement() -> None:
    """A server that writes head and body separately, with Nagle's algorithm on, sends the body only when the head is acknowledged."""

    async def two_writes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        while True:
            await read_request(reader)
            writer.write(OK[:-5])
            await asyncio.sleep(0)
            writer.write(OK[-5:])

    async with serving(two_writes) as port:
        _, connection = await asyncio.get_running_loop().create_connection(lambda: Connection(lambda _: None), "127.0.0.1", port)
        client, loop = Client(connection), asyncio.get_running_loop()
        took = []
        for _ in range(20):
            began = loop.time()
            assert await client.ask() is Ending.ANSWERED
            took.append(loop.time() - began)
        connection.abandon()
        await asyncio.sleep(0)
    assert sorted(took)[10] < 0.03


def test_a_head_says_whether_its_answer_ends_with_the_stream() -> None:
    assert ends_with_stream(b"HTTP/1.1 200 OK\r\nX-Content-Length-Not: 1\r\n\r\nContent-Length: 1")
    assert not ends_with_stream(b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 1\r\n\r\n")
    assert not ends_with_stream(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
