"""The gateway on a real socket."""

import asyncio
import base64
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvloop

from sluice.binding import Mode
from sluice.errors import ConfigurationError
from sluice.outcome import DONE
from sluice_gateway import service
from sluice_gateway.limits import Limits
from sluice_gateway.service import GatewayService
from tests.unit.sluice_gateway.door import Door, envelope, replied
from tests.waiting import until

SMALL = Limits(
    trigger_body=100_000,
    drained=1_000_000,
    header=4096,
    connections=200,
    header_timeout_s=0.2,
    idle_timeout_s=1,
    body_grace_s=0.3,
    body_rate=1_000_000,
    write_timeout_s=0.3,
    shutdown_s=1,
)


@pytest.fixture(autouse=True)
def swept_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SWEEP_S", 0.05)


class Listening:
    def __init__(self, door: Door, gateway: GatewayService, stop: Callable[[], Any]) -> None:
        self.door = door
        self.gateway = gateway
        self.port = int(gateway.url.rpartition(":")[2])
        self.stop = stop

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def exchange(self, *pieces: bytes) -> bytes:
        """Send pieces on a connection of its own, and read until it is closed."""
        reader, writer = await self.connect()
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        return answer


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    async with started(Door(SMALL)) as one:
        yield one


@contextlib.asynccontextmanager
async def started(door: Door) -> AsyncIterator[Listening]:
    door.trigger("/orders")
    ready = asyncio.Event()
    gateway = GatewayService(door.gateway, "127.0.0.1:0")
    running = asyncio.create_task(gateway.run(ready.set))

    async def stop() -> None:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    await asyncio.wait_for(ready.wait(), 10)
    try:
        yield Listening(door, gateway, stop)
    finally:
        door.dispatch.go.set()
        await stop()


def request(
    body: bytes = b"", *lines: str, path: str = "/orders", method: str = "POST", length: int | None = None, close: bool = True
) -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: gateway", *lines]
    if length is not None or not any("chunked" in line for line in lines):
        head.append(f"Content-Length: {len(body) if length is None else length}")
    if close:
        head.append("Connection: close")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


def statuses(answers: bytes) -> list[int]:
    return [int(part.split(b" ", 1)[0]) for part in answers.split(b"HTTP/1.1 ")[1:]]


async def test_a_request_is_answered(listening: Listening) -> None:
    answer = await listening.exchange(request(b"new"))
    assert statuses(answer) == [200]
    assert answer.endswith(b"\r\n\r\nhi")
    assert b"x-cff-request-id: " in answer
    assert b"server:" not in answer


async def test_an_empty_body_is_a_body(listening: Listening) -> None:
    assert statuses(await listening.exchange(request(b""))) == [200]
    assert statuses(await listening.exchange(request(chunked(), "Transfer-Encoding: chunked"))) == [200]
    assert statuses(await listening.exchange(b"POST /orders HTTP/1.0\r\n\r\n")) == [200]
    assert [handed.json["body"] for handed in listening.door.dispatch.handed] == ["", "", ""]


@pytest.mark.parametrize(("size", "status"), [(100_000, 200), (100_001, 413)])
async def test_a_body_at_the_limit_and_one_byte_over_it(listening: Listening, size: int, status: int) -> None:
    body = b"x" * size
    assert statuses(await listening.exchange(request(body))) == [status]
    assert statuses(await listening.exchange(request(chunked(body[:50_000], body[50_000:]), "Transfer-Encoding: chunked"))) == [status]


async def test_who_sends_far_too_much_still_reads_the_answer(listening: Listening) -> None:
    answer = await listening.exchange(request(length=900_000), *[b"x" * 100_000] * 9)
    assert statuses(answer) == [413]
    assert b"connection: close" in answer


async def test_who_sends_without_end_is_cut_off(listening: Listening) -> None:
    _, writer = await listening.connect()
    writer.write(request(b"", "Transfer-Encoding: chunked"))

    async def send_without_end() -> None:
        while True:
            writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            await writer.drain()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(send_without_end(), 10)
    writer.close()


async def test_a_client_that_asks_first_is_told_to_go_on_or_not_to(listening: Listening) -> None:
    reader, writer = await listening.connect()
    writer.write(request(b"", "Expect: 100-continue", length=3))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abc")
    assert statuses(await reader.read()) == [200]
    writer.close()
    reader, writer = await listening.connect()
    writer.write(request(b"", "Expect: 100-continue", length=100_001))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
    writer.close()


OFFER = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA")


@pytest.mark.parametrize("cut", [0, 20, 150, 230, -4, -3, -1])
async def test_an_offer_to_go_on_in_http_2_is_passed_over_and_the_body_kept(listening: Listening, cut: int) -> None:
    offered = request(b"abc", *OFFER, close=False)
    reader, writer = await listening.connect()
    writer.write(offered[:cut])
    await writer.drain()
    writer.write(offered[cut:] + request(b"next"))
    assert statuses(await reader.read()) == [200, 200]
    assert [base64.b64decode(handed.json["body"]) for handed in listening.door.dispatch.handed] == [b"abc", b"next"]
    assert "upgrade" not in listening.door.dispatch.handed[0].json["headers"]
    writer.close()


async def test_a_websocket_is_a_plain_request_here(listening: Listening) -> None:
    asked = request(b"", "Connection: keep-alive, Upgrade", "Upgrade: websocket", method="GET", close=False)
    assert statuses(await listening.exchange(asked, request(b""))) == [200, 200]


async def test_the_gateway_is_no_proxy(listening: Listening) -> None:
    assert statuses(await listening.exchange(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n")) == [400]


async def test_requests_on_one_connection_are_answered_in_order(listening: Listening) -> None:
    pipeline = [request(b"", path=path, close=False) for path in ("/orders", "/nothing", "/orders")]
    assert statuses(await listening.exchange(*pipeline, request(b"", path="/livez", method="GET"))) == [200, 404, 200, 200]


@pytest.mark.parametrize("upgrade", ["", "Connection: upgrade\r\nUpgrade: h2c\r\n"])
async def test_who_sends_far_ahead_gets_the_answers_of_a_bounded_number(listening: Listening, upgrade: str) -> None:
    ahead = f"GET /livez HTTP/1.1\r\nHost: a\r\n{upgrade}\r\n".encode() * 3000
    answers = statuses(await listening.exchange(ahead))
    assert answers == [200] * (1 + SMALL.pipelined)


async def test_a_request_before_one_that_is_not_http_is_answered(listening: Listening) -> None:
    for rest in (b"\0\0\r\n\r\n", b"GET /orders HTTP/1.1\r\nX: " + b"y" * 5000):
        answer = await listening.exchange(request(b"", close=False) + request(b"", path="/nothing", close=False) + rest)
        assert statuses(answer) == [200, 404]
        assert answer.count(b"connection: close") == 1


async def test_a_body_at_fault_behind_another_request_leaves_that_one_its_answer(listening: Listening) -> None:
    broken = request(b"zz\r\n", "Transfer-Encoding: chunked", close=False)
    assert statuses(await listening.exchange(request(b"", close=False) + broken)) == [200]


async def test_a_connection_is_kept_and_closed_when_idle(listening: Listening) -> None:
    reader, writer = await listening.connect()
    for _ in range(3):
        writer.write(request(b"x", close=False))
        assert (await reader.readuntil(b"hi")).startswith(b"HTTP/1.1 200 ")
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


async def test_a_head_request_is_answered_without_a_body(listening: Listening) -> None:
    answer = await listening.exchange(request(b"", method="HEAD"))
    assert b"content-length: 2\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("sent", [b"", b"POST /or", b"POST /orders HTTP/1.1\r\nHost: a\r\n", b"GET /orders HTTP/1.1\r\nHost: a\r\nX: "])
async def test_who_does_not_finish_the_headers_is_told_408(listening: Listening, sent: bytes) -> None:
    assert statuses(await listening.exchange(sent)) == [408]


async def test_headers_that_drip_do_not_hold_a_connection(listening: Listening) -> None:
    reader, writer = await listening.connect()
    writer.write(b"GET /orders HTTP/1.1\r\n")
    reading = asyncio.create_task(reader.read())
    async with asyncio.timeout(5):
        while not reading.done():
            writer.write(b"X: y\r\n")
            await asyncio.wait([reading], timeout=0.05)
    with contextlib.suppress(ConnectionResetError):  # whoever goes on sending may be reset before it reads
        assert statuses(await reading) == [408]
    writer.close()


async def test_a_body_that_is_too_slow_is_told_408(listening: Listening) -> None:
    answer = await listening.exchange(request(b"abc", length=10))
    assert statuses(answer) == [408]
    assert not listening.door.dispatch.handed


async def test_a_second_request_that_stops_halfway_is_told_408(listening: Listening) -> None:
    assert statuses(await listening.exchange(request(b"", close=False), b"POST /orders HT")) == [200, 408]


@pytest.mark.parametrize("head", [b"X: " + b"y" * 5000, b"X: y\r\n" * 1000])
async def test_headers_over_the_limit_are_refused(listening: Listening, head: bytes) -> None:
    answer = await listening.exchange(b"GET /orders HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\n")
    assert statuses(answer) == [431]
    assert not listening.door.dispatch.handed


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x00",
        b"hello\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /orders HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /orders HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"POST /orders HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"POST /orders HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_not_http_ends_with_400(listening: Listening, sent: bytes) -> None:
    assert statuses(await listening.exchange(sent))[-1] in (400, 408)
    assert statuses(await listening.exchange(request(b"still here"))) == [200]


async def test_a_client_that_goes_away_does_not_matter_to_the_others(listening: Listening) -> None:
    listening.door.dispatch.go.clear()
    _, writer = await listening.connect()
    writer.write(request(b"x"))
    await listening.door.dispatch.arrived.wait()
    writer.transport.abort()
    _, half = await listening.connect()
    half.write(request(b"x", length=50))
    await half.drain()
    half.transport.abort()
    listening.door.dispatch.go.set()
    assert statuses(await listening.exchange(request(b"y"))) == [200]
    assert len(listening.door.dispatch.handed) == 2


async def test_who_does_not_take_its_answer_is_dropped(listening: Listening) -> None:
    size = 40_000_000  # more than the kernel takes for it
    listening.door.dispatch.outcome = replied(envelope(body="x" * size))
    with socket.create_connection(("127.0.0.1", listening.port)) as greedy:
        greedy.sendall(request(b"x"))
        await listening.door.dispatch.arrived.wait()
        await until(lambda: listening.gateway.connections == 0)
        assert await asyncio.to_thread(_received, greedy) < size


def _received(connection: socket.socket) -> int:
    total = 0
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65_536):
            total += len(piece)
    return total


async def test_a_hundred_at_once_are_all_answered_with_their_own(listening: Listening) -> None:
    answers = await asyncio.gather(*(listening.exchange(request(b"%d" % number)) for number in range(100)))
    assert all(statuses(answer) == [200] for answer in answers)
    ids = {answer.split(b"x-cff-request-id: ")[1][:36] for answer in answers}
    assert len(ids) == 100


async def test_connections_over_the_bound_are_told_503() -> None:
    async with started(Door(Limits(connections=3, shutdown_s=1))) as one:
        held = [await one.connect() for _ in range(4)]
        async with asyncio.timeout(5):
            last = await held[-1][0].read()
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
    assert statuses(last) == [503]


async def test_stopping_lets_requests_end_and_takes_no_more(listening: Listening) -> None:
    listening.door.dispatch.go.clear()
    running = asyncio.create_task(listening.exchange(request(b"x")))
    await listening.door.dispatch.arrived.wait()
    stopping = asyncio.create_task(listening.stop())

    async def connect_until_refused() -> None:
        while True:
            _, writer = await listening.connect()
            writer.close()
            await asyncio.wait([stopping], timeout=0.01)

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(connect_until_refused(), 5)
    listening.door.dispatch.go.set()
    assert statuses(await running) == [200]
    await stopping


async def test_who_is_still_waiting_at_the_end_is_told_to_come_back(listening: Listening) -> None:
    listening.door.dispatch.go.clear()
    listening.door.trigger("/orders", mode=Mode.ASYNC)
    listening.door.dispatch.outcome = DONE
    running = asyncio.create_task(listening.exchange(request(b"x")))
    await listening.door.dispatch.arrived.wait()
    async with asyncio.timeout(5):
        await listening.stop()
    answer = await running
    assert statuses(answer) == [503]
    assert b"retry-after: 1" in answer


async def test_an_address_that_is_taken_is_named(listening: Listening) -> None:
    with pytest.raises(ConfigurationError, match=f"127.0.0.1:{listening.port}"):
        await GatewayService(listening.door.gateway, f"127.0.0.1:{listening.port}").run()


async def test_ipv6_is_an_address_too() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    door = Door()
    gateway = GatewayService(door.gateway, "[::1]:0")
    ready = asyncio.Event()
    running = asyncio.create_task(gateway.run(ready.set))
    await asyncio.wait_for(ready.wait(), 5)
    assert gateway.url.startswith("http://[::1]:")
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def test_it_runs_on_uvloop_as_well() -> None:
    async def scenario() -> list[int]:
        async with started(Door(SMALL)) as one:
            big = request(chunked(b"x" * 70_000, b"y" * 40_000), "Transfer-Encoding: chunked")
            return [statuses(await one.exchange(sent))[0] for sent in (request(b"x"), big, b"POST /or", b"hello\r\n\r\n")]

    assert uvloop.run(scenario()) == [200, 413, 408, 400]


def test_who_goes_away_from_requests_sent_ahead_leaves_nothing_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """On uvloop, whose closed connections raise when they are written to."""

    async def gone() -> None:
        async with started(Door(SMALL)) as listening:
            listening.door.dispatch.go.clear()
            _, writer = await listening.connect()
            writer.write(request(b"", close=False) * 3)
            await listening.door.dispatch.arrived.wait()
            writer.transport.abort()
            await until(lambda: listening.gateway.connections == 0)
            listening.door.dispatch.go.set()
            assert statuses(await listening.exchange(request(b""))) == [200]

    uvloop.run(gone())
    assert not caplog.records
