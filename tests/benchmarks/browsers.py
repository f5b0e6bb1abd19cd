"""`python -m tests.benchmarks.browsers`: whether many open pages delay the pipeline.

The observations of a night are processed twice: alone, and while 100 browsers have a page open. They ask for
changes as `static/live.js` does, half of them over a slow connection. The exit status is 1 if a stage then waited
longer than the limits.
"""

import argparse
import asyncio
import html
import json
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from urllib.parse import urlencode, urljoin

import httpx

from standalone.rehearsal.run import own_settings
from standalone.settings import DEFAULT_STATE, REPOSITORY
from tests.benchmarks.listen import Version
from tests.benchmarks.urgent import SETTLE_SECONDS, print_waits, tonight

#: By how much the median and the longest wait of a stage can be longer with the browsers.
LONGEST_MEDIAN, LONGEST_DIFFERENCE = 1.0, 5.0
PAGES = ("/flow/", "/tasks/", "/night/", "/services/", "/plan/")
EVERY_SECONDS = 2.0
#: How long the browsers work: longer than the observations of `tonight` take.
BROWSE_SECONDS = 300.0
#: A slow browser reads this much at a time, and then waits; the system holds little more for it.
SLOW_BYTES, SLOW_PAUSE_SECONDS = 2048, 0.25
_LIVE = re.compile(r'data-live="([^"]+)"')
_PART = re.compile(r'data-part="([^"]+)"[^>]*data-version="([^"]+)"')


async def browse(http: httpx.AsyncClient, path: str, *, is_slow: bool, seconds: list[float]) -> None:
    """Open a page, and ask for its changes until cancelled. `seconds`: how long each answer took."""
    page = await _read(http, path, is_slow)
    region, known = _LIVE.search(page), dict(_PART.findall(page))
    assert region is not None, f"{path} is not live"
    live = urljoin(path, html.unescape(region[1]))
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        began = time.monotonic()
        query = urlencode({"known": ",".join(f"{name}.{version}" for name, version in known.items())})
        changes = await _read(http, f"{live}{'&' if '?' in live else '?'}{query}", is_slow)
        known |= dict(_PART.findall("".join(json.loads(changes)["parts"].values())))
        seconds.append(time.monotonic() - began)


async def _read(http: httpx.AsyncClient, path: str, is_slow: bool) -> str:
    body = b""
    async with http.stream("GET", path) as answer:
        async for chunk in answer.aiter_raw(SLOW_BYTES):
            body += chunk
            if is_slow:
                await asyncio.sleep(SLOW_PAUSE_SECONDS)
    answer.raise_for_status()
    return body.decode(errors="replace")


async def browse_all(url: str, cookie: str, number: int, duration: float) -> None:
    """Run browsers for some seconds, and print how long their requests took, and what failed."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    failures: Counter[str] = Counter()
    until = time.monotonic() + duration

    async def keep_browsing(place: int) -> None:
        is_slow = place % 2 == 1
        await asyncio.sleep(random.uniform(0, EVERY_SECONDS))
        options = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * SLOW_BYTES)] if is_slow else None
        transport = httpx.AsyncHTTPTransport(socket_options=options)
        headers = {"Accept-Encoding": "identity", "Cookie": cookie}
        async with httpx.AsyncClient(base_url=url, headers=headers, transport=transport, timeout=60) as http:
            while time.monotonic() < until:
                try:
                    async with asyncio.timeout(until - time.monotonic()):
                        await browse(http, PAGES[place % len(PAGES)], is_slow=is_slow, seconds=seconds[is_slow])
                except TimeoutError:
                    return
                except httpx.HTTPError as error:
                    failures[repr(error)] += 1
                    await asyncio.sleep(EVERY_SECONDS)

    await asyncio.gather(*(keep_browsing(place) for place in range(number)))
    for is_slow, each in seconds.items():
        kind = "slow" if is_slow else "fast"
        print(
            f"  {number // 2} {kind} browsers: {len(each)} updates, median {statistics.median(each):.2f} s, "
            f"longest {max(each):.2f} s",
            flush=True,
        )
    for failure, times in failures.items():
        print(f"  {times} times {failure}", flush=True)


def main() -> int:
    """Measure on a new stack, and return 1 if a limit was exceeded."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.browsers", description=__doc__)
    parser.add_argument("--number", type=int, default=100, help="of browsers")
    parser.add_argument("--browse", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.browse:
        asyncio.run(browse_all(chosen.browse, sys.stdin.readline().strip(), chosen.number, BROWSE_SECONDS))
        return 0
    state = DEFAULT_STATE / "bench-browsers"
    shutil.rmtree(state, ignore_errors=True)
    version = Version("now", REPOSITORY, replace(own_settings(state), telescope_speedup=1.0))
    version.start()
    try:
        time.sleep(SETTLE_SECONDS)
        without = tonight(version, "ALONE")
        command = [sys.executable, "-m", "tests.benchmarks.browsers", "--number", str(chosen.number)]
        browsers = subprocess.Popen([*command, "--browse", version.settings.atdb_url], stdin=subprocess.PIPE)
        assert browsers.stdin is not None
        browsers.stdin.write(f"{_cookie(version)}\n".encode())
        browsers.stdin.close()
        with_them = tonight(version, "BESIDE")
        was_busy = browsers.poll() is None
        assert browsers.wait() == 0
    finally:
        version.stop()
    print(f"\nThe waits of a night without and with {chosen.number} browsers:")
    print_waits(without, with_them)
    wrong = [] if was_busy else ["The browsers ended before the night, so this measurement is not valid."]
    for stage, waits in without.items():
        median = statistics.median(with_them[stage]) - statistics.median(waits)
        longest = max(with_them[stage]) - max(waits)
        if median > LONGEST_MEDIAN or longest > LONGEST_DIFFERENCE:
            wrong.append(
                f"{stage} waited longer with the browsers: median {median:.2f} s, longest {longest:.2f} s."
            )
    print("\n".join(wrong) or "Passed.")
    return int(bool(wrong))


def _cookie(version: Version) -> str:
    """Log in, and return the header with the cookie of the session."""
    login = {"name": "operator", "password": version.secrets["atdb"]["operator"]}
    with httpx.Client(base_url=version.settings.atdb_url) as http:
        http.post("/atdb/login/", json=login).raise_for_status()
        return "; ".join(f"{name}={value}" for name, value in http.cookies.items())


if __name__ == "__main__":
    sys.exit(main())
