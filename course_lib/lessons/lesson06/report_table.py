"""The report's table with its published numbers beside ours, what differed, and both in words."""

from collections.abc import Mapping, Sequence

REPORT = {
    "adain_seconds": 26.46,
    "adain_device": "RTX 2080",
    "optimisation_seconds": 3921.12,
    "optimisation_device": "another GPU",
    "images": 5,
    "optimisation_steps": 50,
}


def total_seconds(method: Mapping[str, object]) -> float:
    """Loading and all pictures, in one process that has already imported PyTorch."""
    return method["cumulative_seconds"][-1]


def runtime_table(results: Mapping[str, object], device: str) -> list[dict[str, object]]:
    """Two rows, as in the report: method, seconds and device there and here, and what ours counts.

    ``ratio_to_adain`` is each row's time over that of the row of AdaIN.
    """
    adain, gatys = results["adain"], results["gatys"]
    ours = {"AdaIN": total_seconds(adain), "optimisation": total_seconds(gatys)}
    theirs = {"AdaIN": REPORT["adain_seconds"], "optimisation": REPORT["optimisation_seconds"]}
    devices = {"AdaIN": REPORT["adain_device"], "optimisation": REPORT["optimisation_device"]}
    return [
        {
            "method": method,
            "report_seconds": theirs[method],
            "report_device": devices[method],
            "report_ratio_to_adain": theirs[method] / theirs["AdaIN"],
            "our_seconds": ours[method],
            "our_device": device,
            "our_ratio_to_adain": ours[method] / ours["AdaIN"],
            "extrapolated": method == "optimisation" and gatys["extrapolated"],
        }
        for method in ours
    ]


def differences(results: Mapping[str, object], settings: Mapping[str, object]) -> list[str]:
    """What keeps the report's numbers and ours, or its two rows, from being compared."""
    count, gatys = settings["images"], results["gatys"]
    lines = [
        "report: the two rows were measured on two different GPUs; ours on one device",
        "report: it does not say whether loading the networks counts; ours counts it for both",
        "report: it does not give the size of the pictures; ours are "
        f"{settings['size']} x {settings['size']} pixels",
        "report: it counts 50 steps of L-BFGS; a step is up to 20 evaluations, and ours counts "
        f"{gatys['evaluations_of_the_recipe']} evaluations for each picture",
        "both: the training of AdaIN's decoder is not in the table",
        "ours: importing PyTorch, reading and saving files are not in the table; the fresh process "
        "beside it has them",
    ]
    if count != REPORT["images"]:
        lines.append(f"report: {REPORT['images']} pictures; ours {count}")
    if gatys["extrapolated"]:
        measured = ", ".join(map(str, gatys["evaluations_measured"]))
        lines.append(
            f"ours: the optimisation was measured for {measured} evaluations of the pictures in "
            "turn; the rest is extrapolated from the steady state"
        )
    return lines


def table_in_words(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """The table as lines of text."""
    lines = [f"{'method':14}{'report':>12}  {'on':14}{'ours':>12}  on"]
    for row in rows:
        mark = " (extrapolated)" if row["extrapolated"] else ""
        lines.append(
            f"{row['method']:14}{row['report_seconds']:10.2f} s  {row['report_device']:14}"
            f"{row['our_seconds']:10.2f} s  {row['our_device']}{mark}"
        )
    last = rows[-1]
    ratios = last["report_ratio_to_adain"], last["our_ratio_to_adain"]
    lines.append(f"{'ratio':14}{ratios[0]:11.0f}x  {'':14}{ratios[1]:11.0f}x")
    return lines


def in_words(row: dict[str, object]) -> str:
    """'cat in impasto_night: ... Gatys needs k evaluations and t seconds to match it'."""
    parts = []
    for start, run in row["gatys"].items():
        if run["evaluations"] is None:
            parts.append(f"more than {run['evaluations_in_all']} evaluations from {start}")
        else:
            parts.append(
                f"{run['evaluations']} evaluations and {run['seconds']:.2f} s from {start}"
            )
    return (
        f"{row['content']} in {row['style']}: AdaIN has loss {row['adain_loss']:.3f} after "
        f"{row['adain_seconds']:.2f} s; Gatys needs {' or '.join(parts)} to match it"
    )
