"""What the documents name exists: commands, files, links, layers."""

import re
import shlex
import signal
import tomllib
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

import pytest

from atdb_interface.cli.main import main as cli
from standalone.settings import REPOSITORY
from tests.docs.documents import DOCUMENTS, anchors, blocks, inline_code, links

#: They name files and commands of earlier versions too.
OF_THE_PAST = ("CHANGELOG.md", "names.md")
PRESENT = [document for document in DOCUMENTS if document.name not in OF_THE_PAST]
#: Below these folders a document may name a file.
ROOTS = (REPOSITORY, REPOSITORY / "atdb_api", REPOSITORY / "atdb_interface")


def name_of(document: Path) -> str:
    return str(document.relative_to(REPOSITORY))


@pytest.mark.parametrize("document", PRESENT, ids=name_of)
def test_each_command_of_make_is_a_target(document: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    lines = inline_code(document)
    lines += [line for block in blocks(document) for line in block.text.splitlines()]
    commands = [re.sub(r"<[^>]*>", "", line) for line in lines if line.startswith("make ")]
    named = {
        word
        for command in commands
        for word in shlex.split(command.partition("&&")[0], comments=True)[1:]
        if "=" not in word and not word.startswith("-")
    }
    assert named - targets == set()


@pytest.mark.parametrize("document", PRESENT, ids=name_of)
def test_each_command_of_atdb_has_the_options_that_are_named(document: Path) -> None:
    for command in inline_code(document):
        program, *words = command.split()
        if program == "atdb" and words:
            options = [word.partition("=")[0] for word in words if word.startswith("--")]
            assert [option for option in options if option not in help_of(words[0])] == [], command


@cache
def help_of(command: str) -> str:
    """Return the help of a command of `atdb`, which changes how its process handles SIGPIPE."""
    before = signal.getsignal(signal.SIGPIPE)
    try:
        with pytest.raises(SystemExit) as ended, redirect_stdout(StringIO()) as printed:
            cli([command, "--help"])
    finally:
        signal.signal(signal.SIGPIPE, before)
    assert ended.value.code == 0, command
    return printed.getvalue()


@pytest.mark.parametrize("document", PRESENT, ids=name_of)
def test_each_module_that_is_named_exists(document: Path) -> None:
    named = {text for text in inline_code(document) if re.fullmatch(r"\w+/[\w/]+\.(py|sql|html|cfg|md)", text)}
    assert [path for path in sorted(named) if not any((root / path).exists() for root in ROOTS)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_each_link_leads_somewhere(document: Path) -> None:
    for link in links(document):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_architecture_names_each_layer() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        layers = contract.get("layers", [])
        if contract.get("containers") == ["atdb_interface"]:
            *layers, _ = layers  # the modules at the root are described together
        names = {name for layer in layers for name in re.split(r"[ |:]+", layer)}
        assert [name for name in sorted(names) if f"`{name}`" not in text] == [], contract["name"]


def test_the_readme_is_short() -> None:
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
