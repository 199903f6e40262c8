"""``survey``: build an A/B survey, simulate participants, score answers, judge totals."""

import argparse
from collections.abc import Callable
from pathlib import Path

from course_lib import CourseError
from course_lib.cli.options import (
    Parser,
    add_compute_options,
    example,
    file_path,
    fraction,
    load_transfer,
    people,
    positive,
    program,
    seed,
    tell_left_out,
    tell_made,
)
from course_lib.cli.result_pictures import save_intervals


def add_commands(command: Callable[..., Parser]) -> None:
    parser = command(
        "survey",
        build,
        "ask people: which style is it, or which do you prefer?",
        "build --content photos --style art -o out/a.html",
    )
    actions = parser.add_subparsers(
        title="actions", metavar="ACTION", required=True, parser_class=Parser
    )

    def action(name: str, run: object, text: str, line: str) -> Parser:
        ending = example(f"survey {name}", line)
        sub = actions.add_parser(name, help=text, description=text, ending=ending)
        sub.set_defaults(run=run)
        return sub

    _add_build(action)
    _add_score(action)
    sub = action(
        "simulate",
        simulate,
        "make labelled simulated answers to try the analysis",
        "out/a.key.json --people 20 -o out/t.jsonl",
    )
    sub.add_argument("key", type=Path, help="the key that 'survey build' wrote")
    sub.add_argument("--people", type=people, default=65, help="participants")
    sub.add_argument("--rate", type=fraction, default=0.75, help="of right answers")
    sub.add_argument("--spread", type=float, default=0.0, help="of skill, in log-odds")
    sub.add_argument("--habit", type=fraction, default=0.0, help="share of blind choices of 1")
    sub.add_argument("--seed", type=seed, default=0, help="of the simulation")
    sub.add_argument("-o", "--out", type=Path, required=True, metavar="JSONL", help="answers")
    sub = action(
        "totals",
        totals,
        "judge a survey of which only the totals are known",
        "--right 250 --people 65 --questions 5",
    )
    sub.add_argument("--right", type=int, default=250, help="right answers in all")
    sub.add_argument("--people", type=people, default=65, help="participants")
    sub.add_argument("--questions", type=positive, default=5, help="answered by each")
    sub.add_argument("-o", "--out", type=Path, metavar="JSON", help="record of the numbers")
    sub = action(
        "coverage",
        coverage_command,
        "how often do the intervals hold the truth?",
        "--people 30 --surveys 200",
    )
    sub.add_argument("--people", type=people, default=65, help="per simulated survey")
    sub.add_argument("--questions", type=positive, default=5, help="per simulated survey")
    sub.add_argument("--rate", type=fraction, default=0.75, help="at average skill")
    sub.add_argument("--spreads", type=float, nargs="+", default=[0.0, 1.0, 2.0], help="of skill")
    sub.add_argument("--surveys", type=positive, default=2000, help="to simulate for each")
    sub.add_argument("--seed", type=seed, default=0, help="of the simulation")
    sub.add_argument("-o", "--out", type=Path, metavar="JSON", help="record of the numbers")


def _add_build(action: Callable[..., Parser]) -> None:
    sub = action(
        "build",
        build,
        "write a survey as one web page, and its key",
        "--content photos --style art -o out/a.html",
    )
    sub.add_argument("--content", type=Path, metavar="DIR", help="photographs to stylise")
    sub.add_argument("--style", type=Path, metavar="DIR", help="paintings")
    sub.add_argument(
        "--compare",
        nargs="+",
        metavar="NAME=DIR",
        help="instead: which method's picture do people prefer? (folders with equal file names)",
    )
    sub.add_argument("-o", "--out", type=Path, required=True, metavar="HTML", help="the page")
    sub.add_argument("--questions", type=positive, default=5, help="that count")
    sub.add_argument("--seed", type=seed, default=0, help="of the choice of pictures")
    sub.add_argument(
        "--distractor",
        choices=["random", "nearest"],
        default="random",
        help="the other painting: any, or that of the most similar statistics",
    )
    sub.add_argument("--attention", action="store_true", help="add an item with an obvious answer")
    sub.add_argument("--no-practice", action="store_true", help="leave out the practice item")
    sub.add_argument("--size", type=positive, default=384, help="of the pictures' shorter side")
    sub.add_argument("--style-size", type=positive, default=512, help="shorter side to encode")
    sub.add_argument("--title", default="A short survey on pictures", help="of the page")
    sub.add_argument("--send", default="", metavar="TEXT", help="what to do with the answers")
    sub.add_argument("--decoder", type=Path, help="a checkpoint; the shipped one if not given")
    add_compute_options(sub)


def _add_score(action: Callable[..., Parser]) -> None:
    sub = action(
        "score", score, "read answers and print what they tell", "answers --key out/a.key.json"
    )
    sub.add_argument(
        "results",
        nargs="+",
        type=Path,
        metavar="RESULT",
        help="JSON files, folders of them, or one CSV export of a form",
    )
    sub.add_argument(
        "--key",
        type=Path,
        required=True,
        metavar="FILE",
        help="the survey's .key.json; for CSV, a table question,right[,wrong]",
    )
    sub.add_argument(
        "--half-width", type=float, default=0.05, metavar="W", help="of the interval to plan for"
    )
    sub.add_argument("--level", type=float, default=0.95, help="of confidence")
    sub.add_argument(
        "--keep-inattentive",
        action="store_true",
        help="count people who missed the attention check, too",
    )
    sub.add_argument("-o", "--out", type=Path, metavar="JSON", help="record of the numbers")
    sub.add_argument(
        "--picture",
        type=Path,
        metavar="PNG",
        help="of the intervals; beside --out, or out/survey_score.png, if not given",
    )


def build(options: argparse.Namespace) -> int:
    from course_lib.survey.building import draft_preference_survey, draft_style_survey
    from course_lib.survey.items import key_path
    from course_lib.survey.pages import write_survey
    from course_lib.system.files import relative_name

    if options.compare:
        if options.content or options.style or options.attention:
            raise CourseError("--compare stands alone: without --content, --style and --attention")
        draft = draft_preference_survey(
            read_methods(options.compare),
            options.questions,
            options.seed,
            not options.no_practice,
            options.size,
        )
    else:
        if not options.content or not options.style:
            raise CourseError("give --content and --style, or --compare NAME=DIR NAME=DIR")
        draft = draft_style_survey(
            load_transfer(options),
            options.content,
            options.style,
            options.questions,
            options.seed,
            options.distractor,
            options.attention,
            not options.no_practice,
            options.size,
            options.style_size,
        )
    settings = {
        name: relative_name(str(value)) if isinstance(value, Path) else value
        for name, value in vars(options).items()
        if name not in ("run", "out", "compare", "send") and value is not None
    }
    key = write_survey(draft, options.out, options.title, options.send, settings)
    print(
        f"{options.out}: survey {key.survey}, {len(key.questions)} questions, "
        f"{options.out.stat().st_size / 1e6:.1f} MB"
    )
    print(f"{key_path(options.out)}: the key; keep it to yourself")
    line = f"{program()} survey score ANSWERS --key {key_path(options.out)}"
    tell_made([options.out], f"open it, send it, and then {line}")
    return tell_left_out(draft.skipped, draft.ignored)


def read_methods(texts: list[str]) -> dict[str, Path]:
    """NAME=DIR arguments as names and folders."""
    methods = {}
    for text in texts:
        name, _, folder = text.partition("=")
        if not name or not folder:
            raise CourseError(f"'{text}' is not of the form NAME=DIR")
        if name in methods:
            raise CourseError(f"the method '{name}' is given twice")
        methods[name] = file_path(folder)
    return methods


def score(options: argparse.Namespace) -> None:
    from course_lib.survey.exports import read_csv, read_csv_key
    from course_lib.survey.items import PREFERENCE, read_key
    from course_lib.survey.preference import score_preference
    from course_lib.survey.reporting import report
    from course_lib.survey.results import read_results
    from course_lib.survey.scoring import score_csv, score_style

    ends = (".csv", ".tsv") if options.key.suffix.lower() == ".json" else (".csv", ".tsv", ".txt")
    tables = [path for path in options.results if path.suffix.lower() in ends]
    if tables and len(options.results) > 1:
        raise CourseError(f"{tables[0]} is an export of a form: score it alone")
    settings = (options.half_width, options.level)
    if tables:
        questions = read_csv_key(options.key)
        numbers = score_csv(read_csv(tables[0], questions), questions, *settings)
    else:
        key = read_key(options.key)
        answers = read_results(options.results, key, options.keep_inattentive)
        judge = score_preference if key.kind == PREFERENCE else score_style
        numbers = judge(answers, key, *settings)
    print(report(numbers))
    _record(options.out, {"half_width": options.half_width, "level": options.level}, numbers)
    picture = options.picture or (options.out or Path("out/survey_score.json")).with_suffix(".png")
    tell_made([save_intervals(intervals_of(numbers), picture, "share, with its interval")])


def intervals_of(numbers: dict) -> dict[str, tuple[float, list[float]]]:
    """Name -> share and interval: of all answers and each question, or of each pair of methods."""
    if "duels" in numbers:
        return {f"{d['a']} : {d['b']}": (d["probability"], d["interval"]) for d in numbers["duels"]}
    found = {"all answers": (numbers["rate"], numbers["interval_over_people"])}
    for k, row in enumerate(numbers["by_question"], 1):
        found[f"{k}. {row.get('painting', '')}"] = (row["rate"], row["interval"])
    return found


def simulate(options: argparse.Namespace) -> None:
    from course_lib.survey.items import read_key
    from course_lib.survey.simulating import simulate_results
    from course_lib.system.files import json_lines, write_text

    results = simulate_results(
        read_key(options.key),
        options.people,
        options.rate,
        options.spread,
        options.habit,
        options.seed,
    )
    write_text(options.out, json_lines(results))
    print(f"{options.out}: {len(results)} simulated participants, marked as such")
    tell_made([options.out], f"{program()} survey score {options.out} --key {options.key}")


def totals(options: argparse.Namespace) -> None:
    from course_lib.survey.reporting import report_totals
    from course_lib.survey.scoring import score_totals

    numbers = score_totals(options.right, options.people, options.questions)
    print(report_totals(numbers))
    _record(options.out, {}, numbers)


def coverage_command(options: argparse.Namespace) -> None:
    from course_lib.records.survey_coverage import coverage

    numbers = {}
    for spread in options.spreads:
        found = coverage(
            options.people,
            options.questions,
            options.rate,
            spread,
            options.surveys,
            seed=options.seed,
        )
        numbers[f"{spread:g}"] = found
        print(
            f"simulated, spread of skill {spread:g}: 95 % intervals hold the truth in "
            f"{100 * found['people']:.1f} % of {options.surveys} surveys over people, in "
            f"{100 * found['independent']:.1f} % as if answers were independent"
        )
    names = ("people", "questions", "rate", "surveys", "seed")
    settings = {name: getattr(options, name) for name in names}
    _record(options.out, settings | {"simulated": True}, numbers)


def _record(out: Path | None, settings: dict, numbers: dict) -> None:
    if out:
        from course_lib.system.files import save_record

        save_record(out, settings, numbers)
        print(out)
