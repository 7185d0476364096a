import pytest

from tools.benches.http import Load, parsed

OUTPUT = """Running 2s test @ http://127.0.0.1:8090/bench
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     6.36ms    1.02ms  17.10ms   86.95%
    Req/Sec    10.13k   512.00    11.02k    70.00%
  Latency Distribution
     50%  {median}
     75%    6.81ms
     99%   10.00ms
  20150 requests in 2.00s, 3.44MB read
{trouble}Requests/sec:  10075.31
Transfer/sec:      1.72MB
"""


@pytest.mark.parametrize(("median", "milliseconds"), [("181.00us", 0.181), ("6.21ms", 6.21), ("1.02s", 1020.0)])
def test_what_wrk_says_is_read_in_milliseconds(median: str, milliseconds: float) -> None:
    load = parsed(OUTPUT.format(median=median, trouble=""))
    assert load == Load(20150, 10075.31, load.p50_ms)
    assert load.p50_ms == pytest.approx(milliseconds)


@pytest.mark.parametrize("trouble", ["  Non-2xx or 3xx responses: 3\n", "  Socket errors: connect 0, read 1, write 0, timeout 0\n"])
def test_a_request_that_failed_fails_the_bench(trouble: str) -> None:
    with pytest.raises(AssertionError):
        parsed(OUTPUT.format(median="1.00ms", trouble=trouble))
