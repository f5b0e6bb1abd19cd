"""The documents, and what the tests look at in them: code blocks, inline code, links and headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from standalone.settings import REPOSITORY

_FOLDERS = (".", "docs", "docs/decisions", "sql")
DOCUMENTS = sorted(path for folder in _FOLDERS for path in (REPOSITORY / folder).glob("*.md"))
_MARKDOWN = MarkdownIt().enable("table")
_HOW = re.compile(r"<!-- block: (.+) -->\s*")
_RUN_FROM = "run from "
_LINK_OF_HTML = re.compile(r"(?:href|src|srcset)=\"([^\"]+)\"")


@dataclass(frozen=True)
class Block:
    """A code block. `how`: what the comment before it says about its test; empty if there is no comment."""

    document: Path
    line: int
    language: str
    text: str
    how: str

    @property
    def place(self) -> str:
        """Return where it is."""
        return f"{self.document.relative_to(REPOSITORY)}:{self.line}"

    @property
    def is_run(self) -> bool:
        """Return whether the tests of documents run it."""
        return self.how == "run" or self.how.startswith(_RUN_FROM)

    @property
    def status(self) -> str:
        """Return the status that observation 190405034 has when the block is run."""
        return self.how.removeprefix(_RUN_FROM) if self.how.startswith(_RUN_FROM) else "valid"


def blocks(document: Path) -> Iterator[Block]:
    """Yield the code blocks of a document: those in fences, and those that are only indented."""
    before: Token | None = None
    for token in _tokens(document):
        if token.type in ("fence", "code_block"):
            comment = _HOW.fullmatch(before.content) if before and before.type == "html_block" else None
            line = (token.map or [0])[0] + 1
            language = token.info.strip()
            yield Block(document, line, language, token.content, comment[1] if comment else "")
        before = token


def inline_code(document: Path) -> list[str]:
    """Return the texts between backticks of a document, without line breaks."""
    return [" ".join(token.content.split()) for token in _inline_tokens(document) if token.type == "code_inline"]


def links(document: Path) -> Iterator[str]:
    """Yield the targets of all links and pictures of a document that are not on another host."""
    for token in [*_tokens(document), *_inline_tokens(document)]:
        targets = [str(token.attrs[name]) for name in ("href", "src") if name in token.attrs]
        if token.type in ("html_block", "html_inline"):
            targets += _LINK_OF_HTML.findall(token.content)
        yield from (target for target in targets if "://" not in target)


def anchors(document: Path) -> set[str]:
    """Return the anchors of the headings of a document, as GitHub forms them."""
    tokens = _tokens(document)
    headings = [following.content for token, following in pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _tokens(document: Path) -> list[Token]:
    return _MARKDOWN.parse(document.read_text(encoding="utf-8"))


def _inline_tokens(document: Path) -> list[Token]:
    return [child for token in _tokens(document) for child in token.children or []]
