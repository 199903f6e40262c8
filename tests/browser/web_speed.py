"""What the playground's web pages cost: ``python tests/browser/web_speed.py``.

Builds the site, opens it in headless Chromium with one thread, with all, and with the graphics card
if the browser has one, moves alpha, and writes ``data/runs/playground_web_cpu.json``: bytes to
download, arithmetic, and for each back end the median time of a picture. Processor time is that of
all processes of the browser, and depends less than the clock on what else the machine does.
"""

import json
import os
import re
import statistics
import tempfile
import threading
import time
from pathlib import Path

import psutil
import torch
from chromium import Chromium
from torch.utils.flop_counter import FlopCounterMode

from course_lib import DATA_DIR, REPOSITORY
from course_lib.playground.website import build_site, fetch_runtime, site_server
from course_lib.stylize import StyleTransfer
from course_lib.system.devices import describe
from course_lib.system.files import save_record

RECORD = DATA_DIR / "runs" / "playground_web_cpu.json"
PHOTOGRAPH, STYLE, SIZE = "astronaut", "hokusai_great_wave", 256  # a square picture
MOVES = 7
STATUS = "document.querySelector('#status').textContent"
DONE = f"/pixels in/.test({STATUS}) && !document.querySelector('#frame').matches('.stale')"


def processor_seconds(browser: Chromium) -> float:
    """That all processes of the browser have used so far."""
    main = psutil.Process(browser._process.pid)
    times = [process.cpu_times() for process in (main, *main.children(recursive=True))]
    return sum(used.user + used.system for used in times)


def measure(address: str, backend: str, threads: int) -> dict[str, object] | None:
    """Median seconds of a picture after a move of alpha; None where there is no such back end."""
    with Chromium(timeout=300) as browser:
        browser.open(f"{address}?backend={backend}&threads={threads}&size={SIZE}")
        browser.wait_for(DONE)
        said = browser.evaluate(STATUS)
        if (backend == "webgpu") != ("graphics card" in said):
            return None
        browser.click(f"#photographs [value={PHOTOGRAPH}]")
        browser.wait_for(f"{STATUS}.startsWith('{SIZE} × {SIZE}') && {DONE}")
        clock, used = [], []
        for move in range(MOVES):
            began = processor_seconds(browser)
            browser.evaluate(
                "(() => { const slider = document.querySelector('#alpha'); slider.value ="
                f"{0.3 + 0.1 * move}; slider.dispatchEvent(new Event('change')); }})()"
            )
            browser.wait_for(DONE)
            clock.append(float(re.search(r"in ([\d.]+) s", browser.evaluate(STATUS))[1]))
            used.append(processor_seconds(browser) - began)
    return {"seconds": statistics.median(clock), "processor_seconds": statistics.median(used)}


def decoder_gflop(transfer: StyleTransfer) -> float:
    """Multiplications and additions of the decoder for one picture, in thousand millions."""
    with FlopCounterMode(display=False) as counter:
        transfer.decode(torch.zeros(1, 512, SIZE // 8, SIZE // 8))
    return counter.get_total_flops() / 1e9


def main() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    transfer = StyleTransfer.load(device="cpu", precision="float32")
    with tempfile.TemporaryDirectory() as folder:
        site = build_site(transfer, Path(folder) / "site", fetch_runtime("out"), None, [STYLE])
        sizes = json.loads((site / "site.json").read_text())["bytes"]
        with site_server(site) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"http://127.0.0.1:{server.server_port}/"
            plans = {
                "one thread": ("wasm", 1),
                "all threads": ("wasm", cores),
                "graphics card": ("webgpu", 1),
            }
            times = {}
            for name, plan in plans.items():
                if name != "all threads" or cores > 1:
                    times[name] = measure(address, *plan)
                    print(name, times[name] or "is not offered by this browser", flush=True)
            server.shutdown()
    settings = {
        "device": describe(transfer.device),
        "cores": cores,
        "size": [SIZE, SIZE],
        "moves": MOVES,
        "load_average": round(os.getloadavg()[0], 1),
    }
    results = {"bytes": sizes, "decoder_gflop": decoder_gflop(transfer), "picture": times}
    save_record(RECORD, settings, results)
    print(RECORD.relative_to(REPOSITORY))


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"{time.monotonic() - started:.0f} s")
