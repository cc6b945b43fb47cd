"""How long a line of a run takes from its agent's report to the pages that look at it: `python benchmarks/live_page.py [--viewers 50]`.

A server, one run that reports ten lines a second, and viewers on the page's stream: all but one are plain connections, one is a page in
Chromium, which is timed at the moment its log has changed. Server, reporter and viewers share one process and event loop, so the
figures are the worse ones. Each line carries the instant at which its report was sent.
"""

import argparse
import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import httpx
from playwright.async_api import Page

from melanzana.protocol.events import LogWritten
from support_browser import OpenBrowser, open_browser
from support_reports import walked
from support_runs import Runs

_SENT = re.compile(r"sent (\d+)")
_WATCH = """() => {
  window.seen = [];
  new MutationObserver((changes) => {
    const now = Date.now();
    for (const change of changes) for (const row of change.addedNodes) {
      const sent = /sent (\\d+)/.exec(row.textContent);
      if (sent) window.seen.push(now - Number(sent[1]));
    }
  }).observe(document.querySelector("[data-log] tbody"), { childList: true });
}"""


async def view(browser: OpenBrowser, run_id: int, waits: list[float], counts: list[int], connected: asyncio.Semaphore) -> None:
    """One viewer without a browser: reads the stream to its end."""
    cookies = {cookie["name"]: cookie["value"] for cookie in await browser.context.cookies()}
    seen = 0
    address = f"{browser.url}/runs/{run_id}/stream"
    async with httpx.AsyncClient(cookies=cookies, timeout=None) as client, client.stream("GET", address) as answer:
        async for line in answer.aiter_lines():
            now = time.time() * 1000
            if line.startswith("retry:"):
                connected.release()
            if line.startswith('data: {"rows"'):
                sent = [float(found) for found in _SENT.findall(json.loads(line[6:])["rows"])]
                seen += len(sent)
                waits.extend(now - at for at in sent)
            if line.startswith("event: end"):
                break
    counts.append(seen)


async def report(runs: Runs, seconds: float, page: Page) -> tuple[int, list[float]]:
    """A run that writes ten lines a second; how many, and what the browser saw."""
    lease = runs.lease
    events = walked(lease.snapshot)
    number, begun, written = 2, time.monotonic(), 0
    await runs.tell(lease, events[:1])
    while time.monotonic() - begun < seconds:
        await runs.tell(lease, [LogWritten(message=f"sent {time.time() * 1000:.0f}", step=1)], number)
        number, written = number + 1, written + 1
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    in_browser = list(await page.evaluate("window.seen"))
    await runs.tell(lease, events[1:], number)
    return written, in_browser


async def measure(viewers: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with open_browser(Path(folder), held_requests=0) as browser:
            await browser.log_in()
            runs = await Runs.of(browser.services)
            started = await runs.start(perform=True)
            runs.lease = await runs.claim()
            page = await browser.open_page(f"/runs/{started.run_id}")
            await page.evaluate(_WATCH)
            waits: list[float] = []
            counts: list[int] = []
            connected = asyncio.Semaphore(0)
            others = [asyncio.create_task(view(browser, started.run_id, waits, counts, connected)) for _ in range(viewers - 1)]
            for _ in others:
                await connected.acquire()  # what came before a viewer is history, and not late
            await asyncio.sleep(1)
            cpu = time.process_time()
            written, in_browser = await report(runs, seconds, page)
            cpu = time.process_time() - cpu
            await asyncio.gather(*others)
            assert set(counts) <= {written}, f"{written} lines were written, viewers saw {sorted(set(counts))}"
            assert len(in_browser) == written, f"{written} lines were written, the browser showed {len(in_browser)}"
            print(f"{viewers} viewers, {written} lines in {seconds:g} s; nobody missed a line or saw one twice")
            for name, found in (("streams", waits or in_browser), ("browser", in_browser)):
                cuts = statistics.quantiles(found, n=100)
                print(f"{name}: median {statistics.median(found):.0f} ms, p99 {cuts[98]:.0f} ms, worst {max(found):.0f} ms")
            print(f"CPU of server, reporter and viewers together: {cpu / seconds:.0%} of one core")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--viewers", type=int, default=50)
    arguments.add_argument("--seconds", type=float, default=20.0)
    chosen = arguments.parse_args()
    asyncio.run(measure(chosen.viewers, chosen.seconds))
