"""Make a site of the lessons and pages with MyST (Jupyter Book 2), from the committed outputs.

``make site`` writes it to ``out/site/_build/html``, and the playground's pages into its folder
``playground``, which one page of the site shows. Nothing is executed. MyST fetches its theme from
the internet; ``--content`` stops before that and works offline. ``pip install -e ".[site]"``.
Where the site will not lie at the top of its host, ``BASE_URL`` names the folder.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from one_click import LESSONS, ROOT, address

SITE = ROOT / "out" / "site"
PAGES = [
    "README.md",
    *(f"{folder}/README.md" for folder in ("notebooks", "course_lib", "data")),
    "CONTRIBUTING.md",
    "CHANGELOG.md",
]
PLAYGROUND = "playground_in_the_browser.md"
PLAYGROUND_PAGE = """# The playground, in your browser

:::{{iframe}} {address}
:width: 100%
:title: Choose a photograph and paintings, and drag the sliders
Everything is computed on your device, and nothing is sent anywhere.
:::

<a href="{address}" target="_blank">Open it on a page of its own</a>: it is roomier there.
"""


def describe_pictures(notebook: dict) -> dict:
    """Make HTML pictures plain ones, whose alternative text MyST takes from the output in words."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            picture = re.search(
                r'src="data:([^;]+);base64,([^"]+)"', "".join(data.get("text/html", ""))
            )
            if picture:
                del data["text/html"]
                data[picture[1]] = picture[2]
    return notebook


def gather(site: Path) -> Path:
    """Copy the lessons, the pages and what they show into ``site``, with its configuration."""
    shutil.rmtree(site, ignore_errors=True)
    pages = {ROOT / name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES}
    for path in LESSONS:
        notebook = describe_pictures(json.loads(path.read_text(encoding="utf-8")))
        pages[path] = json.dumps(notebook, ensure_ascii=False)
    for path, text in pages.items():
        page = site / path.relative_to(ROOT)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
        for link in re.findall(r"\]\(([^)#\s:]+)\)", text):
            shown = (path.parent / link).resolve()
            if shown.is_file() and shown.is_relative_to(ROOT) and shown not in pages:
                copy = site / shown.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(shown, copy)
    folder = os.environ.get("BASE_URL", "").rstrip("/") + "/playground/index.html"
    (site / PLAYGROUND).write_text(PLAYGROUND_PAGE.format(address=folder), encoding="utf-8")
    lessons = "".join(f"    - file: {path.relative_to(ROOT).as_posix()}\n" for path in LESSONS)
    others = "".join(f"    - file: {name}\n" for name in [PLAYGROUND, *PAGES[1:]])
    name = address().removeprefix("https://github.com/")
    (site / "myst.yml").write_text(
        "version: 1\nproject:\n  title: Neural style transfer, hands on\n"
        f"  github: {address()}\n  binder: https://mybinder.org/v2/gh/{name}/main\n  license: MIT\n"
        f"  toc:\n    - file: {PAGES[0]}\n{lessons}{others}"
        "site:\n  template: book-theme\n  options:\n    logo_text: Style transfer, hands on\n",
        encoding="utf-8",
    )
    return site


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--content", action="store_true", help="no theme, no pages: works offline")
    content = parser.parse_args().content
    myst = shutil.which("myst", path=str(Path(sys.executable).parent)) or shutil.which("myst")
    if myst is None:
        print('error: MyST is not installed; run pip install -e ".[site]"', file=sys.stderr)
        return 2
    site = gather(SITE)
    # Without its theme MyST ends with an error after it has built everything else.
    done = subprocess.run([myst, "build", "--site" if content else "--html"], cwd=site)
    built = len(list((site / "_build" / "site" / "content").glob("*.json")))
    if content:
        wanted = 1 + len(PAGES) + len(LESSONS)
        print(f"{built} of {wanted} pages")
        return 0 if built == wanted else 1
    if done.returncode:
        return done.returncode
    web = [sys.executable, "-m", "course_lib", "web", "-o", site / "_build" / "html" / "playground"]
    return subprocess.run(web, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
