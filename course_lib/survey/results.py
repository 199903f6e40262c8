"""Reading answers that nobody can vouch for: results of the page or of JupyterLab's form.

Whatever a file holds, it is only ever parsed as JSON and compared with the key; what does not fit
is left out, with one sentence that says why.
"""

import contextlib
import email
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from course_lib.survey.items import RESULT_FORMAT, Key, SurveyError, checksum, present, read_text
from course_lib.system.listings import walk
from course_lib.system.printing import printable

MOST_RESULTS = 20_000  # in one file
FASTEST = 100  # milliseconds: nobody sees two pictures, chooses and goes on in less
SLOWEST = 24 * 3600 * 1000


class ResultError(ValueError):
    """Why one result is left out."""


@dataclass
class Answers:
    """The answers that count, as matrices of shape (people, questions).

    ``first_chosen`` says whether the first option of the key's item was chosen; ``position`` is
    the chosen position, 1 or 2 (None for CSV files, which do not know it). ``left_out`` names
    every result that does not count, with the reason.
    """

    people: list[str]
    first_chosen: np.ndarray
    position: np.ndarray | None
    seconds: np.ndarray | None
    simulated: bool = False
    left_out: dict[str, str] = field(default_factory=dict)


def read_results(paths: Sequence[Path], key: Key, keep_inattentive: bool = False) -> Answers:
    """Read JSON results: files with one result, or with one result a line, or folders of them.

    In a folder every file counts, whatever its name and however deep. Results may have been pasted
    among other text, into mails (``.eml``, mailboxes) or pages, or be attached to mails.
    Of what cannot be used ``left_out`` gives the reason.

    Raises:
        SurveyError: a path does not exist, simulated results are mixed with real ones, or no
            usable result is left.
    """
    found: dict[str, dict] = {}
    left_out: dict[str, str] = {}
    for name, text in _pieces(paths, left_out):
        try:
            found[name] = check_result(_parse(text), key)
        except ResultError as error:
            left_out[name] = str(error)
    _leave_out_duplicates(found, left_out)
    if not keep_inattentive:
        _leave_out_inattentive(found, key, left_out)
    kinds = {result["simulated"] for result in found.values()}
    if len(kinds) > 1:
        names = [
            next(n for n, r in found.items() if r["simulated"] is kind) for kind in (True, False)
        ]
        raise SurveyError(
            f"{printable(names[0], 300)} is simulated and {printable(names[1], 300)} is not; "
            "score them apart"
        )
    if not found:
        raise SurveyError(f"no result can be used: {first_reason(left_out)}")
    return _to_answers(found, key, left_out)


def first_reason(left_out: Mapping[str, str]) -> str:
    name, reason = next(iter(left_out.items()), ("", "the files are empty"))
    others = f" (and {len(left_out) - 1} more)" if len(left_out) > 1 else ""
    return f"{printable(name, 300)}: {reason}{others}" if name else reason


def _pieces(paths: Sequence[Path], left_out: dict[str, str]) -> list[tuple[str, str]]:
    """Every result as (name, text); files that cannot be read are left out, with the reason."""
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise SurveyError(f"{path}: no such file or folder")
        if path.is_dir():
            ignored: dict[Path, str] = {}
            inside = walk(path, ignored)
            left_out |= {str(p): reason for p, reason in ignored.items()}
            if not inside:
                raise SurveyError(f"{path} holds no files with answers")
            files += inside
        else:
            files.append(path)
    pieces = []
    for path in dict.fromkeys(files):
        try:
            text = _as_text(path, read_text(path))
        except (SurveyError, OSError) as error:
            left_out[str(path)] = str(error).removeprefix(f"{path} ").removeprefix(f"{path}: ")
            continue
        lines = _lines(text)
        if len(lines) > MOST_RESULTS:
            left_out[str(path)] = f"has more than {MOST_RESULTS:,} lines; no survey has so many"
        elif lines:
            pieces += [(f"{path}, line {n}", line) for n, line in lines]
        else:
            pieces.append((str(path), text))
    return pieces


def _lines(text: str) -> list[tuple[int, str]]:
    """The results of a text that holds one a line, with their line numbers; else nothing."""
    with contextlib.suppress(ValueError, RecursionError):
        json.loads(text)
        return []  # a single result, which may be spread over lines
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not all(line.lstrip().startswith("{") for _, line in lines):
        return _among_other_text(text)
    return [] if len(lines) == 1 else lines


def _among_other_text(text: str) -> list[tuple[int, str]]:
    """Results pasted among other text, on one line each or spread over several, quoted or not."""
    text = re.sub(r"^(?:>[ \t]?)+", "", text, flags=re.MULTILINE)
    begin = re.compile(rf'\{{\s*"format"\s*:\s*"{re.escape(RESULT_FORMAT)}"')
    decoder, found, end, number = json.JSONDecoder(), [], 0, 1
    for match in begin.finditer(text):
        if match.start() < end:
            continue
        number += text.count("\n", end, match.start())
        try:
            _, end_of_it = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):  # not all of one: it will be named
            end_of_it = text.find("\n", match.start()) % (len(text) + 1)
        piece = text[match.start() : end_of_it]
        found.append((number, piece))
        number, end = number + piece.count("\n"), end_of_it
    return found


def _as_text(path: Path, text: str) -> str:
    """What a mail says, and its attachments; a page without its tags; any other text as it is."""
    if path.suffix.lower() in (".htm", ".html"):
        return html.unescape(re.sub(r"<[^<>]*>", " ", text))
    if path.suffix.lower() not in (".eml", ".mbox", ".mbx"):
        return text
    said = []
    for mail in re.split(r"^From .*\n", text, flags=re.MULTILINE):  # a mailbox holds several
        try:
            said += _parts_of(mail)
        except Exception:  # a mail can be broken in many ways; then its text counts as it is
            said.append(mail)
    return "\n".join(said)


def _parts_of(mail: str) -> list[str]:
    """The texts and attached files of a mail; its HTML only where that is all it says."""
    message = email.message_from_bytes(mail.encode())
    parts = [part for part in message.walk() if not part.is_multipart()]
    bodies = [(part.get_payload(decode=True) or b"").decode("utf-8", "replace") for part in parts]
    kinds = [part.get_content_type() for part in parts]
    return [
        _as_text(Path("mail.html"), body) if kind == "text/html" else body
        for kind, body in zip(kinds, bodies, strict=True)
        if kind != "text/html" or "text/plain" not in kinds
    ]


def _parse(text: str) -> object:
    if not text.strip():
        raise ResultError("is empty")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ResultError("is not JSON, or not all of it") from None


# --- one result ---


def check_result(record: object, key: Key) -> dict:
    """Hold a result against the key, and return it.

    Raises:
        ResultError: it is of another survey, partial, changed, or impossible.
    """
    _check_types(record)
    if record["survey"] != key.survey:
        raise ResultError(f"belongs to another survey ({printable(record['survey'])})")
    items = {item.id: item for item in key.items}
    names = [answer["item"] for answer in record["answers"]]
    for answer in record["answers"]:
        if answer["item"] not in items:
            raise ResultError(
                f"answers a question that is not in the survey ({printable(answer['item'])})"
            )
        if answer["choice"] not in items[answer["item"]].options:
            raise ResultError(f"chooses an option that question {answer['item']} does not have")
    if len(set(names)) < len(names):
        raise ResultError("answers a question twice")
    if len(names) < len(items):
        raise ResultError(f"is partial: {len(names)} of {len(items)} questions are answered")
    if record.get("checksum") != checksum(record):
        raise ResultError("was changed after it was written: its checksum does not fit")
    for answer in record["answers"]:
        if not FASTEST <= answer["milliseconds"] <= SLOWEST:
            raise ResultError(f"has an impossible time ({answer['milliseconds'] / 1000:g} s)")
    _check_presentation(record, key)
    return record


def _check_types(record: object) -> None:
    if not isinstance(record, dict) or record.get("format") != RESULT_FORMAT:
        raise ResultError("is not a result of a survey")
    kinds = {"survey": str, "seed": str, "simulated": bool, "answers": list}
    for name, kind in kinds.items():
        if not isinstance(record.get(name), kind):
            raise ResultError(f"has no usable '{name}'")
    if not re.fullmatch(r"[0-9a-f]{16}", record["seed"]):
        raise ResultError("has no usable 'seed'")
    kinds = {"item": str, "choice": str, "position": int, "milliseconds": int}
    for answer in record["answers"]:
        if not isinstance(answer, dict):
            raise ResultError("has an answer that is none")
        for name, kind in kinds.items():
            if type(answer.get(name)) is not kind:  # True is an int, but no position
                raise ResultError(f"has an answer without a usable '{name}'")
        if abs(answer["milliseconds"]) > 2**53:
            raise ResultError("has an impossible time")


def _check_presentation(record: Mapping, key: Key) -> None:
    """Order and positions follow from the seed; anything else was not written by the page."""
    items = {item.id: item for item in key.items}
    shown = present(key.survey, key.kind, list(items), record["seed"])
    for answer, (name, swapped) in zip(record["answers"], shown.items, strict=True):
        options = items[name].options[::-1] if swapped else items[name].options
        expected = (name, options.index(answer["choice"]) + 1) if answer["item"] == name else None
        if (answer["item"], answer["position"]) != expected:
            raise ResultError("does not fit its seed: order or positions are not those drawn")


def _leave_out_duplicates(found: dict[str, dict], left_out: dict[str, str]) -> None:
    """Of identical copies the first counts; different answers under one seed count not at all."""
    by_seed: dict[str, list[str]] = {}
    for name, result in found.items():
        by_seed.setdefault(result["seed"], []).append(name)
    for names in by_seed.values():
        first = found[names[0]]
        same = all(found[name]["checksum"] == first["checksum"] for name in names)
        for name in names[1:] if same else names:
            other = next(n for n in names if n != name)
            left_out[name] = (
                f"is a duplicate of {printable(names[0])}"
                if same
                else f"has the seed of {printable(other)} but other answers; neither counts"
            )
            del found[name]


def _leave_out_inattentive(found: dict[str, dict], key: Key, left_out: dict[str, str]) -> None:
    checks = {item.id: item.right for item in key.items if item.attention}
    for name, result in list(found.items()):
        if any(checks.get(a["item"], a["choice"]) != a["choice"] for a in result["answers"]):
            left_out[name] = "missed the attention check"
            del found[name]


def _to_answers(found: Mapping[str, dict], key: Key, left_out: dict[str, str]) -> Answers:
    questions = key.questions
    rows = []
    for result in found.values():
        by_item = {answer["item"]: answer for answer in result["answers"]}
        rows.append([by_item[question.id] for question in questions])
    first = [
        [a["choice"] == q.options[0] for a, q in zip(row, questions, strict=True)] for row in rows
    ]
    return Answers(
        people=[result["seed"][:8] for result in found.values()],
        first_chosen=np.array(first),
        position=np.array([[answer["position"] for answer in row] for row in rows]),
        seconds=np.array([[answer["milliseconds"] / 1000 for answer in row] for row in rows]),
        simulated=next(iter(found.values()))["simulated"],
        left_out=left_out,
    )
