"""Print figures of the size and structure of the code, to compare before and after a change.

Run `python -m tools.structure`. Sizes are in lines. An import counts once per pair of modules. The depth of a
package is the number of modules in its longest chain of imports. `python -m tools.structure --check` fails if a
module is too long, or if modules import each other in a cycle.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from pathlib import Path
from statistics import median

import grimp

PACKAGES = ("atdb_interface", "atdb_api", "atdb_plugins", "operators", "standalone")
#: The longest module, in lines. Tests are longer: each module has all stories of its subject.
LONGEST = 400
CHECKED = (*PACKAGES, "dags", "tools")


def main() -> None:
    """Print a table of all packages, and the number of imports between packages."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    print("package          modules  median  longest  function  inner imports  depth")
    for package in PACKAGES:
        modules = [path for path in Path(package).rglob("*.py") if "versions" not in path.parts]
        sizes = [len(path.read_text(encoding="utf-8").splitlines()) for path in modules]
        functions = [*chain.from_iterable(function_sizes(path) for path in modules)]
        inner = [(a, b) for a, b in imports(graph) if a.split(".")[0] == b.split(".")[0] == package]
        print(
            f"{package:<16}{len(sizes):>8}{median(sizes):>8.0f}{max(sizes):>9}{max(functions, default=0):>10}"
            f"{len(inner):>15}{depth(inner):>7}"
        )
    outer = [(a, b) for a, b in imports(graph) if a.split(".")[0] != b.split(".")[0]]
    print(f"\nimports between packages: {len(outer)}")


def check() -> int:
    """Print each module that is too long, and the cycle of imports, if there is one."""
    paths = chain.from_iterable(Path(package).rglob("*.py") for package in CHECKED)
    problems = [*too_long(paths), *cycles(grimp.build_graph(*PACKAGES, cache_dir=None))]
    print("\n".join(problems) or f"No module has more than {LONGEST} lines, and no modules import each other.")
    return len(problems) > 0


def too_long(paths: Iterable[Path]) -> Iterator[str]:
    """Yield a message for each module with too many lines."""
    for path in sorted(paths):
        length = len(path.read_text(encoding="utf-8").splitlines())
        if length > LONGEST:
            yield f"{path}: {length} lines, more than {LONGEST}. Split the module."


def cycles(graph: grimp.ImportGraph) -> Iterator[str]:
    """Yield a message with a cycle of imports, if there is one. A package and its modules count separately."""
    try:
        TopologicalSorter(
            {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
        ).prepare()
    except CycleError as error:
        chain_of_imports = " <- ".join(error.args[1])
        yield f"These modules import each other: {chain_of_imports}. Move what they share to a module below."


def imports(graph: grimp.ImportGraph) -> list[tuple[str, str]]:
    """Return all pairs of a module and a module that it imports."""
    return [
        (module, each)
        for module in sorted(graph.modules)
        for each in sorted(graph.find_modules_directly_imported_by(module))
    ]


def function_sizes(path: Path) -> list[int]:
    """Return the number of lines of each function in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]


def depth(pairs: list[tuple[str, str]]) -> int:
    """Return the number of modules in the longest chain of imports."""
    imported_by = defaultdict(list)
    for module, each in pairs:
        imported_by[module].append(each)
    depths: dict[str, int] = {}

    def depth_of(module: str, above: frozenset[str]) -> int:
        if module not in depths:
            below = [each for each in imported_by[module] if each not in above]
            depths[module] = 1 + max((depth_of(each, above | {each}) for each in below), default=0)
        return depths[module]

    return max((depth_of(module, frozenset({module})) for module in [*imported_by]), default=0)


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(check())
    main()
