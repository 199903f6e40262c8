"""Screenshots of the survey page, ``python tests/browser/survey_screenshots.py``.

Builds a survey from the bundled pictures and photographs its first question in headless Chromium,
as a desktop and as a phone show it.
"""

import sys
import tempfile
from pathlib import Path

from chromium import Chromium, find_chromium
from PIL import Image

from course_lib import DATA_DIR
from course_lib.stylize import StyleTransfer
from course_lib.survey.building import draft_style_survey
from course_lib.survey.pages import write_survey
from course_lib.system.files import replacing

SIZES = {"survey_desktop": (1100, 640, False), "survey_phone": (390, 844, True)}


def main() -> int:
    if find_chromium() is None:
        print("error: no Chromium found; install it, or set CHROMIUM to its path", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        page = Path(name) / "survey.html"
        draft = draft_style_survey(
            StyleTransfer.load(), DATA_DIR / "content", DATA_DIR / "style", questions=5, seed=7
        )
        write_survey(draft, page, "A short survey on pictures")
        with Chromium() as browser:
            for shot, size in SIZES.items():
                browser.resize(*size)
                browser.open(page.as_uri() + "?" + shot)  # loads again
                browser.wait_for("!document.querySelector('#start').hidden")
                browser.evaluate("document.querySelector('#begin').click()")
                browser.wait_for("!document.querySelector('#ask').hidden")
                picture = Image.open(browser.screenshot(Path(name) / f"{shot}.png"))
                target = DATA_DIR / "screenshots" / f"{shot}.png"
                target.parent.mkdir(parents=True, exist_ok=True)
                small = picture.convert("RGB").quantize(128)
                with replacing(target) as temporary:
                    small.save(temporary, "PNG", optimize=True)
                print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
