"""A browser without JavaScript: it keeps cookies, and sends the forms of a page unchanged."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from tests.conftest import SECRETS

ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
#: What a browser would take for the URL of another site, or a script.
ELSEWHERE = (
    "//evil.example/",
    "///evil.example/",
    "https://evil.example/",
    "https:evil.example",
    "https:/evil.example",
    "/\\evil.example/",
    "/\t/evil.example/",
    "/\n/evil.example/",
    "\t//evil.example/",
    " //evil.example/",
    "\x01//evil.example/",
    "\\\\evil.example",
    "/%0d%0a//evil.example\x7f",
    "javascript:alert(1)",
    "evil.example",
    "/a\r\nSet-Cookie: x=y",
)


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    unchecked: dict[str, str] = field(default_factory=dict)
    button: str = ""


class _Forms(HTMLParser):
    """Reads the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self.links: list[str] = []
        self._within = ""
        self._name = ""
        self._chosen = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(given.get("href", ""))
        elif tag == "form":
            self.found.append(Form(given.get("action", ""), given.get("method", "get")))
        elif tag == "input" and given.get("type") == "checkbox" and "checked" not in given:
            self.found[-1].unchecked[given["name"]] = given["value"]
        elif tag == "input":
            self.found[-1].fields[given["name"]] = given.get("value", "")
        elif tag in ("select", "textarea"):
            self._name = given["name"]
            self.found[-1].fields[self._name] = ""
            if tag == "select":
                self.found[-1].choices[self._name] = []
        elif tag == "option":
            choices = self.found[-1].choices[self._name]
            self._chosen = not choices or "selected" in given
            choices.append("")
        self._within = tag

    def handle_endtag(self, _: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "option":
            self.found[-1].choices[self._name][-1] = data
            if self._chosen:
                self.found[-1].fields[self._name] = data
        elif self._within == "textarea":
            self.found[-1].fields[self._name] = data.removeprefix("\n")
        elif self._within == "button" and self.found:
            self.found[-1].button = data.strip()


def forms(page: httpx.Response) -> dict[str, Form]:
    """Return the forms of a page by the labels of their buttons."""
    return {form.button: form for form in _read(page).found}


def links(page: httpx.Response) -> list[str]:
    """Return the URLs that a page links to."""
    return _read(page).links


def _read(page: httpx.Response) -> _Forms:
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    reader = _Forms()
    reader.feed(page.text)
    return reader


class Browser(httpx.Client):
    """A client with a method that submits a form of a page with some fields changed."""

    def __init__(self, url: str, role: str | None = None) -> None:
        super().__init__(base_url=url, headers={"Accept": ACCEPT})
        if role:
            page = self.get("/atdb/login/")
            self.submit(page, "Log in", name=role, password=SECRETS[role])

    def submit(self, page: httpx.Response, button: str, **typed: str) -> httpx.Response:
        form = forms(page)[button]
        known = form.fields | form.unchecked
        for name, value in typed.items():
            assert name in known, (name, sorted(known))
            assert value in form.choices.get(name, [value]), (value, form.choices[name])
        address = urljoin(str(page.url), form.action) if form.action else str(page.url)
        sent = form.fields | typed
        if form.method == "get":
            return self.get(address.partition("?")[0], params=sent)
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(str(page.url)))
        return self.post(address, data=sent, headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"})

    def follow(self, answer: httpx.Response) -> httpx.Response:
        assert answer.status_code == 303, answer.text
        return self.get(answer.headers["Location"])
