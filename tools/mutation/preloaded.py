"""Our code that the server of `testing.py` imports, from the copy of the checkout that a variable names."""

import importlib
import os
import sys

#: Set by `make mutate`: the folder of the copy.
COPY = "ATDB_MUTATION_COPY"

if COPY in os.environ:
    sys.path.insert(0, os.environ[COPY])
    for _module in ("atdb_interface.client", "atdb_api", "atdb_api.commands"):
        importlib.import_module(_module)
