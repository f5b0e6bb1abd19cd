"""Renames on a data disk: a product is renamed aside before it is deleted, and back if it must stay.

    .WSRTA190405034_B000.MS.5f0c9a1b2d3e.removing

Nothing is ever replaced by a rename.
"""

import os
import re
import secrets
from pathlib import Path

from atdb_interface.product_files import open_folder
from atdb_interface.renames import exists, rename_new

_ASIDE = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{12}\.removing", re.DOTALL)


def product_of_aside(entry: str) -> str | None:
    """Return the name of the product that was renamed to this one; None if it is another file."""
    match = _ASIDE.fullmatch(entry)
    return match["name"] if match else None


def asides_of(folder: int, filename: str) -> list[str]:
    """Return the names in an open directory under which a removal has left a product."""
    return sorted(entry for entry in os.listdir(folder) if product_of_aside(entry) == filename)


def rename_aside(folder: int, filename: str) -> str:
    """Rename a product in an open directory, and return its new name."""
    aside = f".{filename}.{secrets.token_hex(6)}.removing"
    rename_new(folder, filename, aside)
    return aside


def put_back(folder: Path, filename: str) -> None:
    """Rename a product back that a killed removal has renamed aside, unless another file has its name by now."""
    if not folder.is_dir():
        return
    with open_folder(folder) as opened:
        match asides_of(opened, filename):
            case [aside] if not exists(opened, filename):
                rename_new(opened, aside, filename)
