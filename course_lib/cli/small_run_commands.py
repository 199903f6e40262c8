"""``faulty-runs`` and ``style-weights``: the small training runs behind the lesson on curves."""

import argparse
from collections.abc import Callable

from course_lib.cli.options import Parser, add_record_options, positive, record_path, tell_made


def add_commands(command: Callable[..., Parser]) -> None:
    text = "train a healthy decoder and five with a planted fault"
    faults = command("faulty-runs", faulty_runs, text, "--only A B --steps 50")
    add_record_options(faults, "faults")
    faults.add_argument(
        "--only", nargs="+", choices="ABCDEF", metavar="LETTER", help="do only these runs"
    )
    faults.add_argument("--steps", type=positive, help="of each run; 240 if not given")
    text = "train on with several style weights and compare"
    sweep = command("style-weights", style_weights, text, "--style-weights 0.2 2 --steps 20")
    sweep.add_argument(
        "--style-weights",
        type=float,
        nargs="+",
        default=[0.02, 0.2, 2.0, 20.0],
        metavar="W",
        help="lambdas",
    )
    add_record_options(sweep, "style_weights")
    sweep.add_argument("--steps", type=positive, help="of each run; 100 if not given")


def faulty_runs(options: argparse.Namespace) -> None:
    import dataclasses

    from course_lib.records.small_training_runs import SMALL_RUN, run_faults

    changes = {"steps": options.steps} if options.steps else {}

    def tell(letter: str, last: dict[str, object]) -> None:
        print(f"{letter}: loss {last['loss']:.3g} after {last['step']} steps", flush=True)

    config = dataclasses.replace(SMALL_RUN, **changes)
    run_faults(record_path(options), config, only=options.only, on_done=tell)
    tell_made([record_path(options)])


def style_weights(options: argparse.Namespace) -> None:
    import dataclasses

    from course_lib.records.small_training_runs import FINE_TUNING, sweep_style_weights

    changes = {"steps": options.steps} if options.steps else {}

    def tell(weight: float, losses: dict[str, float]) -> None:
        print(
            f"style weight {weight:g}: content loss {losses['held_out_content_loss']:.3f} and "
            f"style loss {losses['held_out_style_loss']:.3f} of unseen pairs",
            flush=True,
        )

    config = dataclasses.replace(FINE_TUNING, **changes)
    sweep_style_weights(record_path(options), options.style_weights, config, on_done=tell)
    tell_made([record_path(options)])
