"""How fast the pages of models are in Chromium, and how much script each page loads: `python benchmarks/pages.py`.

A server with a model of 60 states and 200 actions, one of 250 states and 1,000 actions, and runs of both. Printed: first paint and the
moment the page is ready (loaded, its picture drawn), medians of five visits with an empty cache; frames a second while the editor's
canvas is moved; our own script of a page. Loopback, a fresh Chromium each visit.
"""

import asyncio
import json
import random
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from playwright.async_api import Page

from melanzana.executions.records import StartRequest
from melanzana.graph.formats.text import read_text
from support_browser import open_browser
from support_runs import CI

VISITS = 5
SIZES = ((60, 200), (250, 1_000))
_PAINT = "() => performance.getEntriesByType('paint').find((entry) => entry.name === 'first-contentful-paint')?.startTime ?? 0"
_READY = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"
_SCRIPT = """() => performance.getEntriesByType('resource').filter((entry) => entry.name.endsWith('.js')
  && !/htmx|swagger|cytoscape/.test(entry.name)).reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""
_FRAMES = """async () => {
  const view = document.querySelector("svg"); let frames = 0; const end = performance.now() + 1000;
  while (performance.now() < end) {
    await new Promise(requestAnimationFrame); frames += 1;
    view.dispatchEvent(new WheelEvent("wheel", { deltaY: frames % 2 ? 30 : -30, bubbles: true, cancelable: true }));
  }
  return frames;
}"""


def model(states: int, actions: int) -> dict[str, object]:
    """Strongly connected: a ring, and the other actions anywhere; the same every time."""
    draw = random.Random(states)
    built = {f"State {number}": {"actions": {f"on {number}": f"State {(number + 1) % states}"}} for number in range(states)}
    for number in range(actions - states):
        place = f"State {draw.randrange(states)}"
        built[place]["actions"][f"jump {number}"] = f"State {draw.randrange(states)}"
    return {"model": f"{states} states", "start": "State 0", "states": built}


async def visit(page: Page, address: str) -> tuple[float, float, int]:
    await page.goto(address)
    await page.wait_for_function("document.readyState === 'complete' && document.querySelector('svg') !== null", timeout=60_000)
    return await page.evaluate(_PAINT), await page.evaluate(_READY), await page.evaluate(_SCRIPT)


async def measure(states: int, actions: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with open_browser(Path(folder)) as browser:
            await browser.log_in()
            services = browser.services
            saved = await services.catalog.add_model("eggplant", None, None, read_text(json.dumps(model(states, actions))))
            await services.executions.start(StartRequest(model=saved.uuid, path="random(actions(2000))", seed=1), CI)
            for name, path in (("model", f"/models/{saved.model_id}"), ("edit", f"/models/{saved.model_id}/edit")):
                found = []
                for _ in range(VISITS):
                    context = await browser.context.browser.new_context()
                    await context.add_cookies(await browser.context.cookies())
                    page = await context.new_page()
                    found.append(await visit(page, f"{browser.url}{path}"))
                    frames = await page.evaluate(_FRAMES) if name == "edit" else None
                    await context.close()
                paint, ready, script = (statistics.median(values) for values in zip(*found, strict=True))
                moved = "" if frames is None else f", {frames} frames/s while moved"
                print(
                    f"{states} states, {actions} actions, {name:<6} first paint {paint:5.0f} ms, ready {ready:5.0f} ms,"
                    f" own script {script / 1024:4.1f} KB{moved}"
                )


async def main() -> None:
    for states, actions in SIZES:
        await measure(states, actions)


if __name__ == "__main__":
    asyncio.run(main())
