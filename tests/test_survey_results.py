"""Reading answers: good ones count, and whatever else a file may hold is named and left out."""

import email.policy
import html
import json
import time
from email.message import EmailMessage
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from survey_kit import answer, save, write_preference_survey, write_style_survey

from course_lib.survey.exports import CsvQuestion, read_csv, read_csv_key
from course_lib.survey.items import SurveyError, checksum
from course_lib.survey.results import read_results
from course_lib.survey.scoring import right_answers
from course_lib.system.printing import printable


@pytest.fixture(scope="module")
def key(tmp_path_factory, make_images):
    return write_style_survey(tmp_path_factory.mktemp("survey") / "s.html", make_images)


@pytest.fixture(scope="module")
def watched(tmp_path_factory, make_images):
    """The key of a survey with an attention check."""
    folder = tmp_path_factory.mktemp("watched")
    return write_style_survey(folder / "s.html", make_images, attention=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("any")


def seed(k):
    return f"{k:016x}"


def signed(result, **changes):
    """A result with changes and a checksum that fits them."""
    result = json.loads(json.dumps(result)) | changes
    return result | {"checksum": checksum(result)}


# --- good results ---


def test_files_lines_and_folders_are_read(key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for short names
    first, second, third = (answer(key, seed(k), lambda i, k=k: i < k) for k in (1, 2, 3))
    save(first, tmp_path / "one.json")
    (tmp_path / "two.json").write_text(json.dumps(second, indent=2))
    (tmp_path / "folder").mkdir()
    save(f"{json.dumps(first)}\n\n{json.dumps(third)}\n", tmp_path / "folder" / "lines.jsonl")
    paths = [Path("one.json"), Path("two.json"), Path("folder")]
    answers = read_results(paths, key)
    assert answers.people == ["00000000"] * 3  # the first eight digits of these seeds
    assert right_answers(answers, key).sum(1).tolist() == [1, 2, 3]
    assert answers.position.shape == answers.seconds.shape == (3, 5)
    assert set(np.unique(answers.position)) <= {1, 2} and (answers.seconds == 2).all()
    [(name, reason)] = answers.left_out.items()
    assert "lines.jsonl, line 1" in name and "duplicate of" in reason and "one.json" in reason
    assert not answers.simulated


def test_order_of_questions_is_that_of_the_key_whatever_was_shown(key, tmp_path):
    wanted = key.questions[2].id
    result = answer(key, seed(5))
    place = [a["item"] for a in result["answers"]].index(wanted)
    only = answer(key, seed(5), lambda k: k == place)
    right = right_answers(read_results([save(only, tmp_path / "a.json")], key), key)
    assert right.tolist() == [[False, False, True, False, False]]


def test_people_who_miss_the_attention_check_are_left_out_unless_kept(watched, tmp_path):
    good = answer(watched, seed(1))
    check = next(item for item in watched.items if item.attention)
    bad = answer(watched, seed(2))
    for entry in bad["answers"]:
        if entry["item"] == check.id:
            entry["choice"] = next(o for o in check.options if o != check.right)
            entry["position"] = 3 - entry["position"]
    paths = [save(good, tmp_path / "good.json"), save(signed(bad), tmp_path / "bad.json")]
    answers = read_results(paths, watched)
    assert list(answers.left_out.values()) == ["missed the attention check"]
    assert answers.first_chosen.shape == (1, 5)
    assert read_results(paths, watched, keep_inattentive=True).first_chosen.shape == (2, 5)


WORDS = st.text(st.characters(exclude_characters='{"', exclude_categories=["Cs", "Cc"]))


@given(
    texts=st.lists(WORDS, min_size=3, max_size=3),
    indent=st.sampled_from([None, 1]),
    quoted=st.booleans(),
)
def test_results_are_found_among_any_words(key, folder, texts, indent, quoted):
    before, between, after = texts
    results = [json.dumps(answer(key, seed(k)), indent=indent) for k in (1, 2)]
    text = f"{before}\n{results[0]}\n{between}\n{results[1]} {after}\n"
    if quoted:
        text = "".join(f"> {line}\n" for line in text.splitlines())
    answers = read_results([write(folder / "mail.txt", text)], key)
    assert (len(answers.people), answers.left_out) == (2, {})


@given(
    place=st.sampled_from(["survey", "seed", "simulated", "answers", "checksum", "format"]),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
)
def test_a_result_with_any_other_value_is_left_out(key, folder, place, value):
    """Every change is noticed, whatever it is; the reason is one printable line."""
    paths = [save(answer(key, seed(1)), folder / "good.json")]
    changed = answer(key, seed(2))
    assume(changed[place] != value or type(changed[place]) is not type(value))
    paths.append(save(changed | {place: value}, folder / "bad.json"))
    answers = read_results(paths, key)
    assert len(answers.people) == 1
    [(name, reason)] = answers.left_out.items()
    assert name == str(paths[1]) and reason.isprintable()


# --- bad results ---

BAD = {
    "empty": ("", "is empty"),
    "text": ("hello", "is not JSON"),
    "cut": ('{"format": "style-sur', "is not JSON"),
    "deep": ("[" * 200_000, "is not JSON"),
    "long number": (f'{{"a": {"9" * 5000}}}', "is not JSON"),
    "list": ("[]", "is not a result"),
    "null": ("null", "is not a result"),
    "page": ("<script>alert(1)</script>", "is not JSON"),
    "other format": ({"format": "x"}, "is not a result"),
    "no answers": ({"answers": None}, "no usable 'answers'"),
    "answers a dictionary": ({"answers": {}}, "no usable 'answers'"),
    "answer a number": ({"answers": [3]}, "an answer that is none"),
    "seed a number": ({"seed": 7}, "no usable 'seed'"),
    "seed a path": ({"seed": "../../etc/passwd"}, "no usable 'seed'"),
    "simulated a number": ({"simulated": 0}, "no usable 'simulated'"),
    "other survey": ({"survey": "\x1b[31mred"}, r"another survey (\x1b[31mred)"),
    "checksum": ({"checksum": "00000000"}, "was changed"),
    "no checksum": ({"checksum": None}, "was changed"),
    "checksum a list": ({"checksum": [1]}, "was changed"),
    "other seed": ({"seed": "0123456789abcdef"}, "was changed"),
    "now real": ({"simulated": True}, "was changed"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_named_and_the_others_count(key, tmp_path, case):
    content, reason = BAD[case]
    bad = content if isinstance(content, str) else answer(key, seed(2)) | content
    paths = [save(answer(key, seed(1)), tmp_path / "good.json"), save(bad, tmp_path / "bad.json")]
    answers = read_results(paths, key)
    assert len(answers.people) == 1
    [(name, text)] = answers.left_out.items()
    assert name == str(paths[1]) and reason in text and "\n" not in text and "\x1b" not in text


ENTRY = {
    "unknown question": ({"item": "zzz"}, "not in the survey (zzz)"),
    "unknown option": ({"choice": "zzz"}, "does not have"),
    "too fast": ({"milliseconds": 20}, "impossible time (0.02 s)"),
    "negative": ({"milliseconds": -5}, "impossible time"),
    "for days": ({"milliseconds": 10**9}, "impossible time"),
    "huge": ({"milliseconds": 10**300}, "impossible time"),
    "half a millisecond": ({"milliseconds": 1.5}, "usable 'milliseconds'"),
    "time as text": ({"milliseconds": "200"}, "usable 'milliseconds'"),
    "truth as position": ({"position": True}, "usable 'position'"),
    "position three": ({"position": 3}, "does not fit its seed"),
    "option a list": ({"choice": ["a"]}, "usable 'choice'"),
}


@pytest.mark.parametrize("case", ENTRY)
def test_an_impossible_answer_is_noticed_even_with_a_fitting_checksum(key, tmp_path, case):
    change, reason = ENTRY[case]
    bad = answer(key, seed(2))
    bad["answers"][1] |= change
    paths = [save(signed(bad), tmp_path / "bad.json"), save(answer(key), tmp_path / "good.json")]
    assert reason in read_results(paths, key).left_out[str(paths[0])]


def test_partial_doubled_and_reordered_results_are_left_out(key, tmp_path):
    result = answer(key, seed(2))
    entries = result["answers"]
    flipped = [dict(entry) for entry in entries]
    flipped[0]["position"] = 3 - flipped[0]["position"]
    cases = {
        "is partial: 4 of 5": entries[:4],
        "is partial: 0 of 5": [],
        "answers a question twice": [*entries[:4], entries[0]],
        "twice": [*entries, entries[0]],
        "does not fit its seed": entries[::-1],
        "order or positions": flipped,
    }
    good = save(answer(key, seed(1)), tmp_path / "good.json")
    for reason, changed in cases.items():
        bad = save(signed(result, answers=changed), tmp_path / "bad.json")
        assert reason in read_results([good, bad], key).left_out[str(bad)]


def test_two_versions_under_one_seed_count_neither(key, tmp_path):
    paths = [
        save(answer(key, seed(2)), tmp_path / "a.json"),
        save(answer(key, seed(2), lambda k: False), tmp_path / "b.json"),
        save(answer(key, seed(3)), tmp_path / "c.json"),
    ]
    answers = read_results(paths, key)
    assert len(answers.people) == 1
    assert set(answers.left_out) == {str(paths[0]), str(paths[1])}
    assert "a.json" in answers.left_out[str(paths[1])]


def test_huge_and_binary_files_are_not_read(key, tmp_path):
    good = save(answer(key, seed(1)), tmp_path / "good.json")
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(100_000_000)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00\x80")
    left_out = read_results([good, tmp_path / "huge.json", tmp_path / "binary.json"], key).left_out
    assert "100 MB" in left_out[str(tmp_path / "huge.json")]
    assert "not a UTF-8" in left_out[str(tmp_path / "binary.json")]


def test_nothing_usable_is_one_sentence(key, tmp_path):
    with pytest.raises(SurveyError, match="nope.json: no such file"):
        read_results([tmp_path / "nope.json"], key)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SurveyError, match="holds no files with answers"):
        read_results([tmp_path / "empty"], key)
    paths = [save("x", tmp_path / "a\nb.json"), save("y", tmp_path / "c.json")]
    with pytest.raises(SurveyError, match=r"no result can be used: .*a\\x0ab.json.*and 1 more"):
        read_results(paths, key)


def test_simulated_and_real_results_do_not_mix(key, tmp_path):
    real = save(answer(key, seed(1)), tmp_path / "real.json")
    simulated = save(answer(key, seed(2), simulated=True), tmp_path / "made_up.json")
    with pytest.raises(SurveyError, match="made_up.json is simulated and .*real.json is not"):
        read_results([real, simulated], key)
    assert read_results([simulated], key).simulated


def test_results_of_another_survey_are_refused(key, tmp_path, make_images):
    other = write_preference_survey(tmp_path / "p.html", make_images)
    path = save(answer(other), tmp_path / "a.json")
    with pytest.raises(SurveyError, match="belongs to another survey"):
        read_results([path], key)


def test_unprintable_text_is_spelled_out():
    assert printable("a\x1b[0m\nb\u202e") == r"a\x1b[0m\x0ab\x202e"
    assert printable("é 日本") == "é 日本"
    assert len(printable("x" * 1000)) == 80


# --- CSV ---

TITLES = "Timestamp,E-mail,1. Which style?,2. Which style?"
KEY = [
    CsvQuestion("1. Which style?", "Painting A", None),
    CsvQuestion("2. which  style?", "Painting B", None),
]


def table(*rows, title=TITLES):
    return "\r\n".join([title, *rows]) + "\r\n"


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def test_an_export_is_scored_against_the_key(tmp_path):
    text = table(
        "10:00,a@example.org,Painting A,Painting B",
        '10:01,b@example.org,"painting a ",Painting A',
        "10:02,c@example.org,Painting B,",
        "10:02,c@example.org,Painting B",
        "10:00,a@example.org,Painting A,Painting B",
        "10:03,d@example.org,Painting A,Painting B",
    )
    answers = read_csv(write(tmp_path / "form.csv", text), KEY)
    assert answers.people == ["row 2", "row 3", "row 7"]
    assert answers.first_chosen.tolist() == [[True, True], [True, False], [True, True]]
    assert answers.position is None and not answers.simulated
    reasons = list(answers.left_out.values())
    assert reasons == ["is partial: 1 of 2 questions are answered"] * 2 + [
        "is a duplicate of row 2"
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_are_recognised(tmp_path, encoding, delimiter):
    text = "When,Ähnlich?\n10:00,Gemälde é\n10:01,Foto\n".replace(",", delimiter)
    path = write(tmp_path / "form.csv", text, encoding)
    answers = read_csv(path, [CsvQuestion("Ähnlich?", "Gemälde é", None)])
    assert answers.first_chosen.tolist() == [[True], [False]]


def test_formulas_stay_text(tmp_path):
    formula = '"=HYPERLINK(""http://example.org"",""x"")"'
    text = table(f"1,=1+1,{formula},Painting B", "2,@x,Painting A,Painting B")
    path = write(tmp_path / "form.csv", text)
    key = [CsvQuestion(q.title, q.right, "Painting C") for q in KEY]
    answers = read_csv(path, key)
    assert len(answers.people) == 1
    assert "answers '=hyperlink(" in next(iter(answers.left_out.values()))


def test_more_than_two_answers_are_not_a_coin(tmp_path):
    path = write(tmp_path / "form.csv", table("1,,Painting A,X", "2,,Painting A,Y"))
    with pytest.raises(SurveyError, match="more than two different answers"):
        read_csv(path, KEY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a CSV file"),
        ("\x00\x00", "not a CSV file"),
        (TITLES, "not a CSV file with a title row"),
        ("a,b\n1,2\n", "has no column called '1. Which style?'"),
        (table("1,,A,B", title=TITLES + ",2. Which style?"), "more than one column called"),
        (table("1,,,"), "no row can be used"),
        (table("1,,Painting A," + "x" * 200_000), "not a CSV file"),
    ],
)
def test_bad_tables_are_one_sentence(tmp_path, text, message):
    with pytest.raises(SurveyError) as caught:
        read_csv(write(tmp_path / "form.csv", text), KEY)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_huge_tables_are_not_read(tmp_path):
    with (tmp_path / "form.csv").open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(SurveyError, match="100 MB"):
        read_csv(tmp_path / "form.csv", KEY)


def test_the_answer_key_of_a_form_is_a_table(tmp_path):
    path = write(tmp_path / "key.csv", "Question,Right,Wrong\n1?,A,B\n2?,C,\n")
    assert read_csv_key(path) == [CsvQuestion("1?", "A", "B"), CsvQuestion("2?", "C", None)]
    for text, message in [
        ("Frage,Right\n1,2\n", "needs the columns 'question' and 'right'"),
        ("question,right\n1?,\n", "needs a question and an answer"),
        ("question,right\n1?,A\n 1? ,B\n", "names a question twice"),
    ]:
        with pytest.raises(SurveyError, match=message):
            read_csv_key(write(path, text))


def test_a_folder_is_read_whatever_its_files_are_called_and_however_deep(key, tmp_path):
    folder = tmp_path / "answers"
    (folder / "monday").mkdir(parents=True)
    save(answer(key, "0" * 16), folder / "one.json.txt")
    save(answer(key, "1" * 16), folder / "monday" / "two.json")
    lines = [json.dumps(answer(key, digit * 16)) for digit in "23"]
    save(f"Dear teacher,\n> {lines[0]}\nand my friend's: {lines[1]}.\n", folder / "mail.txt")
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    answers = read_results([folder], key)
    assert sorted(answers.people) == [digit * 8 for digit in "0123"]
    assert "hidden" in answers.left_out[str(folder / ".DS_Store")]
    assert "not a UTF-8" in answers.left_out[str(folder / "picture.png")]
    assert len(answers.left_out) == 2


def test_results_are_found_in_texts_mails_and_pages_of_a_folder_per_student(key, tmp_path):
    seeds = [f"{n:08x}" * 2 for n in range(1, 9)]
    lines = [json.dumps(answer(key, seed)) for seed in seeds]
    spread = json.dumps(json.loads(lines[1]), indent=2)
    quoted = json.dumps(json.loads(lines[2]), indent=1).replace("\n", "\n> > ")
    files = {
        "ada/answer.txt": f"Hello,\nhere it is:\n{lines[0]}\nBest, Ada",
        "ben/notes.txt": f"My answers are\n\n{spread}\n\nand that is all.",
        "cy/forwarded": f"On Monday Cy wrote:\n> > {quoted}\n",
        "dot/page.html": f"<html><p>{html.escape(lines[3])}</p></html>",
        "eve/cut off.txt": f"sorry: {lines[7][:120]}",
        "eve/cv.txt": "My hobbies are {many}.",
    }
    for name, text in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(text, encoding="utf-8")
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["From"], mail["Subject"] = "fay@example.org", "Meine Antworten für dich"
    mail.set_content(f"Grüße\n{lines[4]}\n", cte="quoted-printable")
    mail.add_alternative(f"<p>Grüße {html.escape(lines[4])}</p>", subtype="html")
    mail.add_attachment(lines[5].encode(), "application", "json", filename="answers.json")
    (tmp_path / "in" / "fay.eml").write_bytes(mail.as_bytes())
    only_html = EmailMessage(policy=email.policy.SMTP)
    only_html.set_content(f"<p>{html.escape(lines[6])}</p>", subtype="html", cte="base64")
    (tmp_path / "in" / "gus.eml").write_bytes(only_html.as_bytes())
    deep = "".join(f"Content-Type: multipart/mixed; boundary={k}\n\n--{k}\n" for k in range(3000))
    (tmp_path / "in" / "hostile.eml").write_text(f"Subject: x\n{deep}")
    answers = read_results([tmp_path / "in"], key)
    assert sorted(answers.people) == sorted(seed[:8] for seed in seeds[:7])
    assert {Path(name.split(",")[0]).name for name in answers.left_out} == {
        "cut off.txt",
        "cv.txt",
        "hostile.eml",
    }


def test_millions_of_lines_are_refused_at_once(key, tmp_path):
    path = save("{}\n" * 3_000_000, tmp_path / "many.json")
    started = time.perf_counter()
    with pytest.raises(SurveyError, match="more than 20,000 lines"):
        read_results([path], key)
    assert time.perf_counter() - started < 20
