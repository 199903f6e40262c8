"""``web``: the playground as a folder that any web host serves."""

import argparse
from collections.abc import Callable
from pathlib import Path

from course_lib.cli.options import Parser, load_transfer, positive


def add_commands(command: Callable[..., Parser]) -> None:
    text = "write the playground as web pages that run in any browser"
    web = command("web", build, text, "-o site --serve")
    web.add_argument("-o", "--out", type=Path, default=Path("site"), help="the folder")
    web.add_argument("--photos", nargs="+", metavar="NAME", help="only these photographs")
    web.add_argument("--styles", nargs="+", metavar="NAME", help="only these styles")
    web.add_argument("--decoder", type=Path, help="a checkpoint; the shipped one if not given")
    web.add_argument(
        "--runtime",
        type=Path,
        metavar="TGZ",
        help="npm's package onnxruntime-web as a file; downloaded to out/ if not given (33 MB)",
    )
    web.add_argument(
        "--serve",
        type=positive,
        nargs="?",
        const=8000,
        metavar="PORT",
        help="then serve it on this machine, until Ctrl-C",
    )


def build(options: argparse.Namespace) -> None:
    from course_lib.playground.website import build_site, fetch_runtime, site_server
    from course_lib.system.optional_packages import need

    need("onnxscript", "onnxscript", "exporting")
    options.device, options.precision = "cpu", "float32"
    transfer = load_transfer(options)
    runtime = options.runtime or fetch_runtime("out")
    site = build_site(transfer, options.out, runtime, options.photos, options.styles)
    files = [path for path in site.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    print(f"{site}: {len(files)} files, {size / 1e6:.0f} MB; copy the folder to any web host")
    if not options.serve:
        print(f"to see it here: python -m course_lib web -o {site} --serve")
        return
    with site_server(site, options.serve) as server:
        print(f"http://127.0.0.1:{options.serve}/ until Ctrl-C", flush=True)
        server.serve_forever()
