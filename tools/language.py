"""Find text that is not plain English: `python -m tools.language`. OPENERS and WORDS are the project's word list.

The check reads docstrings, comments, messages, names of tests, pages, scripts, SQL, settings and documents. It
does not read code: other names, text in backticks, and code blocks with a language other than `text`. It also
finds empty table headers, and command options without help.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

#: Patterns of what docstrings do not begin with, and the technical imperative.
OPENERS = {
    "Tells? whether": "Return whether",
    "Tells?": "Return or Report",
    "Says?": "Explain or Format",
    "Gives?": "Return or Yield",
    "Lets?": "Allow or Register",
    "Makes?": "Create or Build",
    r"Names? (?=(?:an?|its|the|this|each|every|what|which|who|how)\b)": "Return the name of",
}
_NUMBER = r"(?:\d+|\{\}|one|two|three|four|five|six|seven|eight|nine|ten|several)"
#: Patterns of banned words, and the plain words. A space in a pattern matches the end of a line too.
WORDS = {
    "tell|tells|telling|told": "report, show or record",
    "under(?: )?way": "in progress",
    "mend|mends|mended|mending|puts? (?:it |them )?right": "fix, repair or correct",
    "befalls?|befallen|befell": "affect",
    "(?:go|goes|gone|going|went) on": "continue or resume",
    "(?:give|gives|given|giving|gave) out": "available to claim",
    r"(?:give|gives|given|giving|gave) (?:\w+ ){0,3}back": "release or return",
    r"call(?:s|ed|ing)? (?:\w+ ){0,3}off": "cancel or prevent",
    "prolong(?:s|ed|ing)?": "renew or extend",
    "anew": "again",
    "by (?:itself|themselves)": "automatically",
    "whoever": "any client",
    "what (?:becomes|became|has become) of": "the outcome or the result of",
    "so (?:many|much|long)(?! that)": "up to N, or a maximum of N",
    "(?:say|says|said) nothing|(?:without a|no) word": "has not reported",
    "signs? of life": "heartbeat",
    "needs? (?:a person|persons|people)": "needs attention",
    "(?:wait|waits|waited|waiting) for (?:a person|persons|people)": "is waiting for an operator",
    "(?:is|are|was|were) away": "is not responding, or is not mounted",
    "(?:services?|disks?|hosts?|databases?|archives?|telescope) (?:is|are) gone": "does not respond",
    "calm": "no action needed",
    "owners? (?:is|are|was|were|has been) lost|(?:lost|loses) its owner": "its lease has expired",
    "rests|rested|resting|(?:a|no|its|to|must|may|can) (?-i:rest)|the rest before": "wait, or delay",
    "(?:a|the|each|every|first|last|next|second|third|another|one|this|per|no) try": "attempt",
    rf"(?:{_NUMBER}|all|of|the|many|few|more) tries|try (?:\d+|\{{\}}|of)|tried {_NUMBER} times": "attempt",
    "backstops?": "timeout fallback",
    "(?:a|the|its|this|no) brakes?": "safety limit",
    "(?:is|are|was|were) late": "overdue",
    "(?:un)?tick(?:s|ed|ing)?": "select",
    r"\(needed\)": "(required)",
    r"(?-i:Leave it)(?=\.?\s*$)": "Close",
    "(?:runs?|tasks?|DAGs?|it) (?:is|are|was|were|turn(?:s|ed)?|bec[ao]mes?) (?:red|green)": "failed, succeeded",
    "(?:some|any|every|no)body|(?:some|any|every)one|no one": "the actor: ATDB, an operator, a client",
    r"(?:is|are) (?:not )?(?!new )\w+ since": "has been ... since",
    "(?:has|have) (?:it|them|this|that) since": "has had ... since",
    r"(?:raises? \w+|None) where|where there (?:is|are)": "if or when",
    rf"{_NUMBER} (?:runs?|tasks?|requests?|events?|claims?|attempts?|files?) an? \w+(?<!few)": "per",
    "address(?:es)? of (?:a|the|this) (?:list|page|table|task)|(?:list|page)'s address": "URL",
}
#: Texts of earlier versions, and the word list itself.
EXEMPT = (
    Path("CHANGELOG.md"),
    Path("atdb_api/migrations/versions"),
    Path("atdb_interface/former_texts.py"),
    Path("docs/names.md"),
    Path("tools/language.py"),
)
#: It has banned words in its strings, on purpose.
OWN_TEST = Path("tests/architecture/test_language.py")
#: Files in hidden folders, which are not looked into, and hidden files.
HIDDEN = (Path(".ci/run"), Path(".editorconfig"), Path(".pre-commit-config.yaml"))

_OPENER = re.compile("|".join(rf"({each})\b" for each in OPENERS))
_WORD = re.compile(
    rf"(?<![\w-])(?:{'|'.join(f'({each})' for each in WORDS)})(?![\w-])".replace(" ", r"\s+"),
    re.IGNORECASE | re.MULTILINE,
)
#: What makes a string a text: a space, or being one word. Outside Python, a word in lower case is a name.
_PROSE_OF_PYTHON = re.compile(r"\s|\A[^\w.#]*[^\W\d_]+\W*\Z")
_PROSE_ELSEWHERE = re.compile(r"\s|\A\W*[A-Z][a-z]+\W*\Z")
_ANY, _NOTHING = re.compile("."), re.compile("(?!)")
#: The first line of a comment that describes an attribute.
_ATTRIBUTE_COMMENT = re.compile(r"(?:\A|^(?![ \t]*#:).*\n)[ \t]*#: *(.*)", re.MULTILINE)
#: What is not prose in comments and texts: the marks of comments, and code.
_MARK = r"^[ \t]*(?:--|//|#:?|\*)"
_NO_PROSE = re.compile(rf"{_MARK}|`[^`\n]*`", re.MULTILINE)
_NO_PROSE_OF_SCRIPTS = re.compile(rf"{_MARK}|\$\{{[^}}]*\}}", re.MULTILINE)
_STRING = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_JINJA, _JINJA_TEXT = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL), re.compile(_STRING)
#: Comments of pages and documents are prose, so they are no tags.
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<(?!!--)[a-zA-Z/!][^>]*>", re.DOTALL)
_ATTRIBUTE = re.compile(
    r"\s(?:title|aria-label|alt|placeholder|label|value|data-says|data-label)=(?:\"[^\"]*\"|'[^']*')"
)
_BLOCK = re.compile(r"^( *)(```|~~~).*?^\1\2|\]\([^)\s]*\)", re.DOTALL | re.MULTILINE)
_TEXT_BLOCK = re.compile(r"\A *(?:```|~~~) *(?:text\b.*?)?\n.*", re.DOTALL)
_COMMENT = r"(?:^|(?<=\s))#.*"
_COMMANDS = re.compile(rf"{_COMMENT}|\b(?:echo|printf) .*", re.MULTILINE)
_VALUES = re.compile(rf"{_COMMENT}|{_STRING}|^\s*(?:name|description|title|summary)\s*[:=].*", re.MULTILINE)
#: Comments and strings of other files, by their endings.
_PROSE = {
    ".js": re.compile(rf"//[^\n]*|/\*.*?\*/|{_STRING}|`[^`]*`", re.DOTALL),
    ".css": re.compile(rf"/\*.*?\*/|{_STRING}", re.DOTALL),
    ".sql": re.compile(r"--[^\n]*|/\*.*?\*/|'[^']*'", re.DOTALL),
    **dict.fromkeys((".sh", ".Dockerfile", "Makefile", "run"), _COMMANDS),
    **dict.fromkeys((".cfg", ".in", ".mako", ".template", ".toml", ".yaml", ".yml", ".editorconfig"), _VALUES),
}
_TH = re.compile(r"<th\b[^>]*>(?:\s|&nbsp;|&#160;|</?(?:span|div|p|b|i|em|strong|small|br)\b[^>]*>)*</th>")
_HEADER = re.compile(r"^ *\|(.*)\| *\n *\|[ :|-]+\| *$", re.MULTILINE)


def findings(path: Path, text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line and the text of each finding in a file, and what to do."""
    if path.suffix == ".py":
        tree = ast.parse(text)
        yield from _openers(tree)
        yield from _openers_of_comments(text)
        yield from _without_help(tree)
        parts = _of_python(tree, text, messages=path != OWN_TEST)
    else:
        yield from _empty_headers(path, text)
        parts = iter([(1, _prose(path, text))])
    for first, part in parts:
        for match in _WORD.finditer(_without_code(path, part)):
            line = first + part.count("\n", 0, match.start())
            yield line, " ".join(match[0].split()), f"write: {_advice(WORDS, match)}"


def _without_code(path: Path, text: str) -> str:
    return _blank(text, _NO_PROSE_OF_SCRIPTS, _JINJA_TEXT) if path.suffix == ".js" else _blank(text, _NO_PROSE)


def _advice(table: dict[str, str], match: re.Match[str]) -> str:
    return [*table.values()][(match.lastindex or 1) - 1]


def _blank(text: str, what: re.Pattern[str], keep: re.Pattern[str] = _NOTHING) -> str:
    """Replace what matches by spaces, except what `keep` matches within it and the ends of lines."""
    return what.sub(lambda match: _only(match[0], keep), text)


def _only(text: str, keep: re.Pattern[str]) -> str:
    """Replace everything by spaces, except the ends of lines, and matches that are texts: others are names."""
    parts, end = [], 0
    for match in keep.finditer(text):
        if _PROSE_ELSEWHERE.search(match[0]):
            parts += [_ANY.sub(" ", text[end : match.start()]), match[0]]
            end = match.end()
    return "".join([*parts, _ANY.sub(" ", text[end:])])


def _prose(path: Path, text: str) -> str:
    match path.suffix:
        case ".html" | ".svg":
            return _blank(_blank(text, _JINJA, _JINJA_TEXT), _TAG, _ATTRIBUTE)
        case ".md":
            return _blank(_blank(text, _BLOCK, _TEXT_BLOCK), _TAG, _ATTRIBUTE)
        case suffix:
            return _only(text, _PROSE[suffix or path.name])


def _of_python(tree: ast.Module, text: str, *, messages: bool) -> Iterator[tuple[int, str]]:
    """Yield the docstrings, comments, texts and names of tests of a module, each with its first line."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
    yield 1, "\n".join(comments.get(line, "\0") for line in range(1, max(comments, default=0) + 1))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = _former_texts(tree)
    for node in ast.walk(tree):  # a node comes before its parts
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp) and id(node) not in parts:
            string = _joined(node, parts)
            if (messages and _PROSE_OF_PYTHON.search(string)) or id(node) in documentation:
                yield node.lineno, string
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.lineno, node.name.replace("_", " ")


def _former_texts(tree: ast.Module) -> set[int]:
    """Return the ids of the nodes of constants FORMER…: examples of stored texts of earlier versions."""
    assignments = (node for node in ast.walk(tree) if isinstance(node, ast.Assign))
    former = (node for node in assignments if ast.unparse(node.targets[0]).startswith("FORMER"))
    return {id(part) for node in former for part in ast.walk(node)}


def _joined(node: ast.expr, parts: set[int]) -> str:
    """Return the string of an f-string or of a sum, with {} for each value; add the id of each part to `parts`."""
    parts.add(id(node))
    match node:
        case ast.Constant():
            return str(node.value)
        case ast.JoinedStr():
            return "".join(_joined(value, parts) for value in node.values)
        case ast.BinOp(op=ast.Add()):
            return _joined(node.left, parts) + _joined(node.right, parts)
        case _:
            return "{}"


def _openers(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            match = _OPENER.match(str(node.value.value).lstrip())
            if match:
                yield node.lineno, match[0], f"begin with: {_advice(OPENERS, match)}"


def _openers_of_comments(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the findings in comments that describe an attribute."""
    for block in _ATTRIBUTE_COMMENT.finditer(text):
        if match := _OPENER.match(block[1]):
            yield text.count("\n", 0, block.start(1)) + 1, match[0], f"begin with: {_advice(OPENERS, match)}"


def _without_help(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            call = ast.unparse(node.func)
            if call.endswith((".add_argument", ".add_parser")) or call == "click.option":
                texts = [each.value for each in node.keywords if each.arg == "help"]
                if not texts or (isinstance(texts[0], ast.Constant) and not texts[0].value):
                    yield node.lineno, ast.unparse(node.args[0]), "add a help text"


def _empty_headers(path: Path, text: str) -> Iterator[tuple[int, str, str]]:
    if path.suffix == ".html":
        empty = list(_TH.finditer(text))
    else:
        empty = [match for match in _HEADER.finditer(text) if not all(map(str.strip, match[1].split("|")))]
    for match in empty:
        yield text.count("\n", 0, match.start()) + 1, match[0].partition("\n")[0], "name what the column holds"


def files() -> Iterator[Path]:
    """Yield the files to check in the working directory. Hidden folders such as `.venv` are left out."""
    kinds = {".py", ".html", ".md", ".svg", *_PROSE}
    yield from (path for path in HIDDEN if path.exists())
    for top in sorted(Path().iterdir()):
        if not top.name.startswith("."):
            for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
                if (path.suffix or path.name) in kinds and not any(path.is_relative_to(each) for each in EXEMPT):
                    yield path


def main() -> int:
    """Print each finding with its place. Return 1 if there is any, else 0."""
    lines = [
        f"{path}:{line}: {words!r}: {advice}"
        for path in files()
        for line, words, advice in findings(path, path.read_text(encoding="utf-8"))
    ]
    print("\n".join(lines) or "All texts are plain English.")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
