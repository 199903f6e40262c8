"""The numbers of a survey as text. Tables over simulated participants say so in their titles."""

from collections.abc import Iterable, Sequence

from course_lib.survey.scoring import Numbers
from course_lib.system.printing import printable


def report(numbers: Numbers) -> str:
    """Everything that ``score_style``, ``score_csv`` or ``score_preference`` found."""
    blocks = [_preference(numbers) if "duels" in numbers else _success(numbers)]
    blocks.append(_questions(numbers))
    if "by_person" in numbers:
        blocks.append(_people(numbers))
    blocks.append(_position(numbers))
    blocks.append(_agreement(numbers))
    if "planning" in numbers:
        blocks.append(_planning(numbers))
    if numbers["left_out"]:
        blocks.append(_left_out(numbers))
    if numbers["simulated"]:
        blocks.insert(0, ["SIMULATED participants: these answers say nothing about the pictures."])
    return "\n\n".join("\n".join(block) for block in blocks if block)


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def span(interval: Sequence[float]) -> str:
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %"


def p_text(p: float) -> str:
    return f"p = {p:.2g}" if p < 0.995 else "p = 1"


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Columns as wide as needed; long names are cut until a line has 80 characters at most."""
    rows = list(rows)
    for most in range(60, 7, -1):
        cells = [list(head), *([printable(str(cell), most) for cell in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        if sum(widths) + 2 * len(widths) <= 80:
            break
    lines = ["".join(f"  {c:<{w}}" for c, w in zip(row, widths, strict=True)) for row in cells]
    return [title, *map(str.rstrip, lines)]


def _title(numbers: Numbers, text: str) -> str:
    return f"{text} (simulated)" if numbers["simulated"] else text


def _rate_lines(rate: Numbers, level: float) -> list[str]:
    lines = [
        f"  {100 * level:g} % interval, people as the sample: {span(rate['interval_over_people'])}",
        f"  the same by bootstrap over people: {span(rate['interval_bootstrap'])}",
        f"  Wilson interval, as if all answers were independent: "
        f"{span(rate['interval_if_independent'])}",
    ]
    if rate["intraclass_correlation"] is not None:
        lines.append(
            f"  design effect {rate['design_effect']:.2f}: {rate['answers']} answers tell as much "
            f"as {rate['effective_answers']:.0f} independent ones (correlation within a person "
            f"{rate['intraclass_correlation']:.2f})"
        )
    return lines


def _success(numbers: Numbers) -> list[str]:
    return [
        _title(numbers, "Success"),
        f"  {numbers['people']} people, {numbers['questions']} questions each: "
        f"{numbers['successes']} of {numbers['answers']} right, {percent(numbers['rate'])}",
        *_rate_lines(numbers, numbers["level"]),
        f"  exact binomial test against chance (one half): {p_text(numbers['p_value'])}",
    ]


def _preference(numbers: Numbers) -> list[str]:
    head = [
        "methods",
        "votes",
        "share",
        "Bradley-Terry",
        f"{100 * numbers['level']:g} % interval",
        "test",
    ]
    rows = [
        [
            f"{d['a']} : {d['b']}",
            f"{d['a_wins']} : {d['votes'] - d['a_wins']}",
            percent(d["a_wins"] / d["votes"]),
            percent(d["probability"]),
            span(d["interval"]),
            p_text(d["p_value"]),
        ]
        for d in numbers["duels"]
    ]
    title = f"Preference, {numbers['people']} people, {numbers['questions']} questions each"
    lines = table(_title(numbers, title), head, rows)
    strengths = sorted(numbers["strengths"].items(), key=lambda pair: -pair[1])
    lines.append(
        "  strengths: "
        + ", ".join(f"{printable(m)} {s:+.2f}" for m, s in strengths)
        + f"; position 1 {numbers['first_bonus']:+.2f}"
    )
    if "votes" in numbers:
        lines += [f"  share of votes for {printable(numbers['duels'][0]['a'])}:"]
        lines += ["  " + line for line in _rate_lines(numbers["votes"], numbers["level"])]
    return lines


def _questions(numbers: Numbers) -> list[str]:
    rows = numbers["by_question"]
    if "duels" in numbers:
        body = [
            [k, r["pair"], ", ".join(f"{m} {v}" for m, v in r["votes"].items())]
            for k, r in enumerate(rows, 1)
        ]
        return table(_title(numbers, "Questions"), ["no.", "picture", "votes"], body)
    names = [name for name in ("painting", "distractor", "photograph") if name in rows[0]]
    if "distractor" not in rows[0]:
        names = ["question"]
    body = [
        [k, r["successes"], percent(r["rate"]), span(r["interval"]), *(r[name] for name in names)]
        for k, r in sorted(enumerate(rows, 1), key=lambda pair: pair[1]["rate"])
    ]
    title = _title(numbers, "Questions, the hardest first")
    return table(title, ["no.", "right", "rate", "interval", *names], body)


def _people(numbers: Numbers) -> list[str]:
    timed = any(row["seconds"] is not None for row in numbers["by_person"])
    body = [
        [
            row["person"],
            f"{row['successes']} of {numbers['questions']}",
            *([f"{row['seconds']:.1f} s"] if timed else []),
        ]
        for row in numbers["by_person"]
    ]
    head = ["person", "right", *(["median time"] if timed else [])]
    return table(_title(numbers, "People"), head, body)


def _position(numbers: Numbers) -> list[str]:
    found = numbers["position"]
    if found is None:
        return ["Position: not known from this kind of file"]
    lines = [
        _title(numbers, "Position"),
        f"  position 1 (left) was chosen {found['chosen_first']} of {found['answers']} times, "
        f"{percent(found['chosen_first'] / found['answers'])}; against one half: "
        f"{p_text(found['p_value'])}",
    ]
    for name, place in (("right_first", 1), ("right_second", 2)):
        part = found.get(name)
        if part and part["answers"]:
            share = percent(part["successes"] / part["answers"])
            lines.append(
                f"  right answer in position {place}: found {part['successes']} of "
                f"{part['answers']} times, {share}"
            )
    return lines


def _agreement(numbers: Numbers) -> list[str]:
    observed, kappa = numbers["agreement"]["observed"], numbers["agreement"]["kappa"]
    if observed is None:
        return []
    return [
        _title(numbers, "Agreement"),
        f"  two people choose the same option in {percent(observed)} of the questions; "
        f"kappa {kappa:.2f} (0: as tossed coins, 1: always)",
    ]


def _planning(numbers: Numbers) -> list[str]:
    plan = numbers["planning"]
    return [
        _title(numbers, "Planning"),
        f"  for an interval of +-{100 * plan['precision']:g} points: "
        f"{plan['people_in_all']} people in all, {plan['people_more']} more",
    ]


def _left_out(numbers: Numbers) -> list[str]:
    lines = [f"  {printable(name, 300)}: {reason}" for name, reason in numbers["left_out"].items()]
    return [f"Left out: {len(lines)}", *lines]


def report_totals(numbers: Numbers) -> str:
    """What ``score_totals`` found, with what the totals leave open."""
    level = f"{100 * numbers['level']:g} %"
    equal, unequal = numbers["most_equal"], numbers["most_unequal"]
    lines = [
        f"{numbers['successes']} of {numbers['answers']} right, {percent(numbers['rate'])}: "
        f"{numbers['people']} people, {numbers['questions']} questions each",
        f"  exact binomial test against chance (one half), if all answers were independent: "
        f"{p_text(numbers['p_value'])}",
        f"  Wilson interval, {level}, if all answers were independent: "
        f"{span(numbers['interval_if_independent'])}",
        "",
        f"The {numbers['questions']} answers of one person are not those of {numbers['questions']} "
        "people: some see better than others. How much, totals",
        f"do not tell. For {level} intervals over people:",
        "",
    ]
    body = [
        [
            f"{row['intraclass_correlation']:.2f}",
            f"{row['effective_answers']:.0f}",
            span(row["interval"]),
        ]
        for row in numbers["by_correlation"]
    ]
    head = ["within a person", "answers that count", "interval"]
    lines += table("By the correlation between answers of one person", head, body)
    body = [
        [
            name,
            f"{part['design_effect']:.2f}",
            span(part["interval_over_people"]),
            span(part["interval_bootstrap"]),
        ]
        for name, part in (("as equal as can be", equal), ("as unequal as can be", unequal))
    ]
    head = ["people are", "design effect", "interval over people", "bootstrap over people"]
    lines += ["", *table("The two extremes that these totals allow", head, body)]
    lower = unequal["interval_over_people"][0]
    verdict = "above chance even" if lower > 0.5 else "not surely above chance"
    lines += [
        "",
        f"Known: the rate, and that it is {verdict} if every person answered all questions alike.",
        "Not known: how people and questions differ, whether a side was preferred, and whether",
        "other pictures would do as well: that needs each person's answers, and many questions.",
    ]
    return "\n".join(lines)
