"""`make check` finds text that is not plain English."""

from pathlib import Path

import pytest

from standalone.settings import REPOSITORY
from tools import language


def test_all_texts_are_plain_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert language.main() == 0


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.py", 'def f():\n    """Give the status that follows."""\n', ["Give"]),
        ("a.py", '#: Say which ones.\nx = 1\n"""Name its owner."""\n#: One.\n#: Let it.\n', ["Name ", "Say"]),
        ("a.py", 'x = "The work is under " + y + "way"\nz = "It is " + "under" + " way"\n', ["under way"]),
        ("a.py", '"""Work is underway; it is down since, and has it since. Where there is none, everybody."""\n',
         ["underway", "is down since", "has it since", "Where there is", "everybody"]),
        ("a.py", '"""The telescope is gone: no word, waiting for a person, the rest before remove."""\n',
         ["telescope is gone", "no word", "waiting for a person", "the rest before"]),
        ("a.py", '"""Five tries, tried 5 times: it is late. Call the removal off, or give the claim back."""\n',
         ["Five tries", "tried 5 times", "is late", "Call the removal off", "give the claim back"]),
        ("a.py", '"""It turned red, with the brakes, one run an observation. Leave it."""\n',
         ["It turned red", "the brakes", "one run an observation", "Leave it"]),
        ("a.py", '"""The run, which\n\ngoes\non after an outage."""\n', ["goes on"]),
        ("a.py", "x = 1  # nobody waits\n#: Claims are given\n#: out by priority.\n", ["nobody", "given out"]),
        ("a.py", 'raise ValueError(f"{stage} is under way; call it "\n"off")\n', ["under way", "call it off"]),
        ("a.py", 'parser.add_argument("--rest", type=int)\n', ["'--rest'"]),
        ("a.py", 'button("Tick")\nbutton("untick …")\nstate = "calm"\nraise E(f"{x}: nobody")\n',
         ["calm", "Tick", "untick", "nobody"]),
        ("a.html", "<p>All is calm.</p>\n<th scope='col'> </th>", ["<th scope='col'> </th>", "calm"]),
        ("a.html", "<th>&nbsp;</th><th><span></span></th>", ["<th>&nbsp;</th>", "<th><span></span></th>"]),
        ("a.html", "<!-- all is calm --><p data-says='Tick it' title='told'>", ["calm", "Tick", "told"]),
        ("a.html", "<a class=\"tick\" title=\"Tick it\">{{ 'Go on' if told else 'Hold' }}</a>", ["Tick", "Go on"]),
        ("a.js", "/* The owner\n * is lost. */\nsay(told, `${tick} by itself`);", ["owner is lost", "by itself"]),
        ("a.html", "<b>{{ 'Tick' }}</b>", ["Tick"]),
        ("a.js", "button.textContent = 'Tick';", ["Tick"]),
        ("a.js", "say(`${gone ? 'the DAG is green' : tick} now`);", ["DAG is green"]),
        ("a.css", "/* Tick it */ .calm::after { content: 'Nobody is told'; }", ["Tick", "Nobody", "told"]),
        ("a.svg", "<svg class='calm'><title>All is calm</title></svg>", ["calm"]),
        ("a.yaml", "a:\n  description: All is calm\n  text: 'by itself, anew'\n", ["calm", "by itself", "anew"]),
        ("a.toml", "description = \"It is under way\"\ncalm = 1\n", ["under way"]),
        ("a.md", "<!-- block: whoever -->\n```text\nAll is calm.\n```\n", ["whoever", "calm"]),
        ("a.md", "```\nAll is calm.\n```\n    nobody waits\n```text\nanew\n```\n", ["calm", "nobody", "anew"]),
        ("a.sql", "-- Three tries.\ncomment on view a is 'What befell it';", ["Three tries", "befell"]),
        ("a.md", "| field | |\n|---|---|\n| `a` | the field |\n", ["| field | |"]),
        ("a.md", "It rests, or is mended,\nwhoever asks.\n", ["rests", "mended", "whoever"]),
        ("Makefile", "tell: told ## Take the pictures anew\n\ttell || echo 'nobody'\n", ["anew", "nobody"]),
    ],
)  # fmt: skip
def test_a_sentence_of_each_kind_is_found(name: str, text: str, found: list[str]) -> None:
    assert [words for _, words, _ in language.findings(Path("docs", name), text)] == found


def test_the_names_of_tests_are_read() -> None:
    text = "def test_nobody_is_told(): ...\ndef tell_nobody(): ...\n"
    assert [words for _, words, _ in language.findings(Path("tests/a.py"), text)] == ["nobody", "told"]


def test_the_messages_of_tests_are_read_except_those_of_this_module_and_former_texts() -> None:
    text = 'FORMER_REASONS = [("told", "A.MS is told")]\nassert is_up, "nobody answers"\n'
    assert [words for _, words, _ in language.findings(Path("tests/a.py"), text)] == ["nobody"]
    assert list(language.findings(Path("tests/architecture/test_language.py"), text)) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "a/a.py",
            'tell = {"told_at": "db://nobody@host", "data-tick": ".calm"}\nsay = told(calm=1)  # see `tell`\n',
        ),
        ("a/a.py", '"""The rest of the error (too late), as the REST API returns it."""\n'),
        ("a/a.py", '"""What is new since then, and how many people are left; see one of these a day later."""\n'),
        ("a/a.py", 'parser.add_argument("--rest", "--go-on", help="the delay")\n'),
        ("a/a.html", '<p class="calm tick" data-tick-all>{{ told }}</p><script>let calm = "by itself";</script>'),
        ("a/a.js", 'const told = ticks("tick") + tell("data-tick") || "none";'),
        ("a/a.html", '<th><img alt="Status"></th><th>{{ name }}</th><th><span>Size</span></th>'),
        ("a/a.yaml", "calm: [tick, told]\nbrake: 'told'\n"),
        ("a/a.js", "const text = `${tick(told)} ${calm}`;"),
        ("a/a.sql", "select told from calm where kind = 'brake'"),
        ("a.md", "Use `brake`, or [this](#by-itself).\n\n```bash\ntell calm\n```\n"),
    ],
)
def test_names_and_code_are_not_read(path: str, text: str) -> None:
    assert list(language.findings(Path(path), text)) == []


def test_each_finding_has_its_line_and_the_plain_word() -> None:
    text = '"""A page.\n\nATDB renders it\nanew."""\n'
    assert list(language.findings(Path("a/a.py"), text)) == [(4, "anew", "write: again")]


def test_the_files_that_are_read_are_those_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    files = {str(path) for path in language.files()}
    assert {"README.md", "Makefile", "dags/ingest.py", "sql/waiting_longest.sql", "docs/gui.md"} < files
    assert {".ci/run", "docker-compose.yaml", "deploy/nginx/atdb.conf.template"} < files
    assert {"atdb_api/templates/base.html", "atdb_api/static/live.js", "tests/conftest.py"} < files
    assert not files & {"CHANGELOG.md", "docs/names.md", "tools/language.py"}
