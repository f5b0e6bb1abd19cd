"""The tables of the documents that show the lifecycle are up to date."""

from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS
from tools import doc_tables

WITH_TABLES = {"gui.md", "lifecycle.md", "operation.md", "permissions.md"}


@pytest.mark.parametrize("name", sorted(WITH_TABLES))
def test_each_table_is_up_to_date(name: str) -> None:
    text = (doc_tables.DOCS / name).read_text(encoding="utf-8")
    assert doc_tables.updated(text) == text, "make docs"


def test_the_check_names_a_document_that_is_not_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doc_tables, "DOCS", tmp_path)
    document = tmp_path / "gui.md"
    document.write_text(
        "<!-- table: groups, written by `make docs` -->\n<!-- end of table -->\n", encoding="utf-8"
    )
    assert doc_tables.main(check=True) == 1
    assert capsys.readouterr().out == "docs/gui.md is not up to date. Run `make docs`.\n"
    assert doc_tables.main() == doc_tables.main(check=True) == 0
    assert "| shape | group | statuses |" in document.read_text(encoding="utf-8")


def test_every_table_is_in_one_document() -> None:
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    for table in doc_tables.TABLES:
        assert sum(text.count(f"<!-- table: {table},") for text in texts) == 1, table
    assert {path.name for path in DOCUMENTS if "<!-- table: " in path.read_text(encoding="utf-8")} == WITH_TABLES


def test_the_tables_show_what_the_domain_describes() -> None:
    rows = {name: [tuple(row) for row in table()] for name, table in doc_tables.TABLES.items()}
    assert ("ingest", "`valid`", "`ingesting`", "`ingest error`", "another run continues") in rows["stages"]
    assert [row[:2] for row in rows["groups"]][-1] == ("cross", "ended")
    assert ("cancel", "`removing`", "`remove error`", "required", "specify or operate", "operate") in rows[
        "actions"
    ]
    statuses = {status: row for status, *row in rows["statuses"]}
    assert statuses["`removed`"] == ["done", "nothing", "never", "no", "no"]
    assert statuses["`running`"][2:] == ["15 min after the end", "no", "yes"]
    assert statuses["`checking`"][1].startswith("`valid` by validate; `completed` by validate")
