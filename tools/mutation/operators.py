"""The faults: those of Cosmic Ray that resemble mistakes, and those of this project, which drop something.

Cosmic Ray replaces operators and constants. Mistakes that lose data are often of another kind: a lock, a check, a
condition or a call is missing. So the operators here drop a statement, an argument, a condition of a query, an
operand, or a part of a chain of calls, such as `.with_for_update()`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import parso
from cosmic_ray import plugins
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.work_item import MutationSpec

#: The line and column at which each fault begins and ends. A list, because the tree changes with the fault.
Positions = list[tuple[tuple[int, int], tuple[int, int]]]

#: Operators of Cosmic Ray. The others make code that fails at once, or the same fault once more.
SELECTED = (
    *(
        f"core/ReplaceComparisonOperator_{change}"
        for change in (
            "Eq_NotEq",
            "NotEq_Eq",
            "Lt_LtE",
            "Lt_GtE",
            "LtE_Lt",
            "LtE_Gt",
            "Gt_GtE",
            "Gt_LtE",
            "GtE_Gt",
            "GtE_Lt",
            "Is_IsNot",
            "IsNot_Is",
        )
    ),
    *(
        f"core/ReplaceBinaryOperator_{change}"
        for change in (
            "Add_Sub",
            "Sub_Add",
            "Mul_Div",
            "Div_Mul",
            "FloorDiv_Mul",
            "Mod_Mul",
            "BitOr_BitAnd",
            "BitAnd_BitOr",
        )
    ),
    "core/ReplaceUnaryOperator_Delete_Not",
    "core/ReplaceUnaryOperator_Delete_USub",
    "core/AddNot",
    "core/ReplaceAndWithOr",
    "core/ReplaceOrWithAnd",
    "core/ReplaceTrueWithFalse",
    "core/ReplaceFalseWithTrue",
    "core/ReplaceBreakWithContinue",
    "core/ReplaceContinueWithBreak",
    "core/ExceptionReplacer",
    "core/NumberReplacer",
    "core/RemoveDecorator",
    "core/ZeroIterationForLoop",
)
#: Statements that only report.
_REPORTS = ("log.", "_LOGGER.", "self.log.")
#: Calls whose arguments are conditions of a query, all of which must hold.
_CONDITIONS = ("where", "filter", "and_")


_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


class DropStatement(Operator):
    """Replace a statement that only acts, such as a call, a raise or an assignment to an attribute, by `pass`."""

    def mutation_positions(self, node: Any) -> Positions:
        """Return the position of the node if it is such a statement."""
        if node.type != "simple_stmt" or not _acts(node.children[0]):
            return []
        return [(node.children[0].start_pos, node.children[0].end_pos)]

    def mutate(self, node: Any, index: int) -> Any:  # noqa: ARG002
        """Return `pass` in the place of the statement."""
        statement = node.children[0]
        dropped = parso.parse("pass").children[0]
        dropped.get_first_leaf().prefix = statement.get_first_leaf().prefix
        node.children[0] = dropped
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Return examples, which a test checks."""
        return (
            Example("require(x)\ny = 1\n", "pass\ny = 1\n"),
            Example("if x:\n    raise Error\n", "if x:\n    pass\n"),
            Example("row.owner = None\n", "pass\n"),
            Example("if x:\n    return y\n", "if x:\n    pass\n"),
        )


class DropArgument(Operator):
    """Drop a keyword argument of a call, or a condition of a query."""

    def mutation_positions(self, node: Any) -> Positions:
        """Return the position of each argument that can be dropped."""
        arguments = _arguments(node)
        return [(arguments[index].start_pos, arguments[index].end_pos) for index in _droppable(node)]

    def mutate(self, node: Any, index: int) -> Any:
        """Return the call without the argument."""
        position = _droppable(node)[index]
        inside = node.children[1]
        if inside.type != "arglist":
            node.children = [node.children[0], node.children[-1]]
        else:
            # The comma after the argument is dropped with it, or that before it if it is the last one.
            last = position + 1 >= len(inside.children)
            first = position - 1 if last and position else position
            inside.children = inside.children[:first] + inside.children[first + 2 :]
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Return examples, which a test checks."""
        return (
            Example("f(a, b=1)", "f(a)"),
            Example("f(b=1)", "f()"),
            Example("f(a=1, b=2)", "f( b=2)"),
            Example("q.where(a == 1, b == 2)", "q.where( b == 2)"),
            Example("q.where(a == 1, b == 2)", "q.where(a == 1)", occurrence=1),
            Example("q.where(a)", "q.where()"),
        )


class DropCall(Operator):
    """Drop one call of a chain of calls, such as the `.with_for_update()` of a query."""

    def mutation_positions(self, node: Any) -> Positions:
        """Return the position of each call that can be dropped."""
        return [(node.children[link].start_pos, node.children[link + 1].end_pos) for link in _links(node)]

    def mutate(self, node: Any, index: int) -> Any:
        """Return the chain without the call."""
        link = _links(node)[index]
        del node.children[link : link + 2]
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Return examples, which a test checks."""
        return (
            Example("select(x).where(y).with_for_update()", "select(x).with_for_update()"),
            Example("select(x).where(y).with_for_update()", "select(x).where(y)", occurrence=1),
        )


class DropOperand(Operator):
    """Drop an operand of `and`, `or`, `+`, `&` or `|`."""

    def mutation_positions(self, node: Any) -> Positions:
        """Return the position of each operand."""
        return [(operand.start_pos, operand.end_pos) for operand in _operands(node)]

    def mutate(self, node: Any, index: int) -> Any:
        """Return the expression without the operand."""
        first = 2 * index - 1 if index else 0
        prefix = node.get_first_leaf().prefix
        node.children = node.children[:first] + node.children[first + 2 :]
        node.get_first_leaf().prefix = prefix
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Return examples, which a test checks."""
        return (
            Example("x = a and b", "x = b"),
            Example("x = a and b", "x = a", occurrence=1),
            Example("x = a + b + c", "x = a + c", occurrence=1),
        )


class ReplaceIn(Operator):
    """Replace `in` by `not in`, and the other way round."""

    def mutation_positions(self, node: Any) -> Positions:
        """Return the position of the operator of a comparison."""
        if node.type != "comparison" or _written(node.children[1]) not in ("in", "not in"):
            return []
        return [(node.children[1].start_pos, node.children[1].end_pos)]

    def mutate(self, node: Any, index: int) -> Any:  # noqa: ARG002
        """Return the opposite comparison."""
        opposite = " not in" if _written(node.children[1]) == "in" else " in"
        node.children[1] = parso.parse(opposite)
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Return examples, which a test checks."""
        return Example("a in b", "a not in b"), Example("a not in b", "a in b")


class Provider:
    """The operators of this project, as Cosmic Ray looks them up."""

    operators: ClassVar[dict[str, type[Operator]]] = {
        operator.__name__: operator for operator in (DropStatement, DropArgument, DropCall, DropOperand, ReplaceIn)
    }

    def __iter__(self) -> Iterator[str]:
        return iter(self.operators)

    def __getitem__(self, name: str) -> type[Operator]:
        return self.operators[name]


plugins.OPERATOR_PROVIDERS["atdb"] = Provider()


def mutants(path: Path) -> Iterator[MutationSpec]:
    """Yield each fault that changes the code of a module; none twice, and none in annotations only."""
    source = path.read_text(encoding="utf-8")
    seen = {_meaning(source)}
    for name in (*SELECTED, *(f"atdb/{name}" for name in Provider())):
        operator = plugins.get_operator(name)()
        for occurrence, (start, end) in enumerate(_positions(source, operator)):
            mutated = mutate_code(source, operator, occurrence)
            meaning = mutated and _meaning(mutated)
            if meaning and meaning not in seen:
                seen.add(meaning)
                yield MutationSpec(path, name, occurrence, start, end)


def _positions(source: str, operator: Operator) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    fringe = [parso.parse(source)]
    while fringe:
        node = fringe.pop(0)
        yield from operator.mutation_positions(node)
        fringe = [*getattr(node, "children", ()), *fringe]


def _meaning(source: str) -> str | None:
    """Return the code without what cannot change its behaviour; None if it is no Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    tree = _Plain().visit(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
            node.decorator_list = [each for each in node.decorator_list if not _is_abstract(each)]
        elif isinstance(node, ast.arguments):
            positional = [*node.posonlyargs, *node.args]
            without = [None] * (len(positional) - len(node.defaults))
            node.kw_defaults = [*without, *node.defaults, *node.kw_defaults]
            node.kwonlyargs = [*positional, *node.kwonlyargs]
            node.posonlyargs, node.args, node.defaults = [], [], []
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dataclass":
            node.keywords = [each for each in node.keywords if each.arg != "frozen"]
    return ast.dump(tree)


class _Plain(ast.NodeTransformer):
    """Write negations in one way, so that two operators that negate the same condition make one fault."""

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        inner = node.operand
        if not isinstance(node.op, ast.Not):
            return node
        if isinstance(inner, ast.UnaryOp) and isinstance(inner.op, ast.Not):
            return inner.operand
        if isinstance(inner, ast.Compare) and len(inner.ops) == 1 and type(inner.ops[0]) in _OPPOSITES:
            return ast.Compare(inner.left, [_OPPOSITES[type(inner.ops[0])]()], inner.comparators)
        return node


def _is_abstract(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Name) and decorator.id in ("abstractmethod", "override")


def _acts(statement: Any) -> bool:
    code = _written(statement)
    if statement.type in ("raise_stmt", "del_stmt"):
        return True
    if statement.type == "return_stmt" or code == "return":
        return bool(statement.search_ancestor("if_stmt", "funcdef").type == "if_stmt")
    if statement.type == "expr_stmt":
        is_only_annotation = statement.children[1].type == "annassign" and len(statement.children[1].children) == 2
        return statement.children[0].type in ("atom_expr", "power") and not is_only_annotation
    is_call = statement.type in ("atom_expr", "power", "await_expr") and code.endswith(")")
    return is_call and not code.startswith(_REPORTS)


def _arguments(node: Any) -> list[Any]:
    """Return the arguments of a call, and the commas between them."""
    if node.type != "trailer" or _written(node.children[0]) != "(" or len(node.children) != 3:
        return []
    inside = node.children[1]
    return list(inside.children) if inside.type == "arglist" else [inside]


def _droppable(node: Any) -> list[int]:
    """Return the indices of the arguments that can be dropped from a call."""
    before = node.get_previous_leaf()
    is_query = before is not None and before.value in _CONDITIONS
    return [
        index
        for index, argument in enumerate(_arguments(node))
        if (argument.type == "argument" and _written(argument.children[1]) == "=")
        or (is_query and _written(argument) != ",")
    ]


def _operands(node: Any) -> list[Any]:
    kinds = {"and_test": "and", "or_test": "or", "arith_expr": "+", "and_expr": "&", "expr": "|"}
    operator = kinds.get(node.type)
    if operator is None or any(_written(each) != operator for each in node.children[1::2]):
        return []
    return list(node.children[::2])


def _links(node: Any) -> list[int]:
    """Return the indices of the calls of a chain that follow another call."""
    if node.type not in ("atom_expr", "power"):
        return []
    children = node.children
    return [
        index
        for index in range(2, len(children) - 1)
        if _opens(children[index]) == "." and _opens(children[index + 1]) == _opens(children[index - 1]) == "("
    ]


def _opens(node: Any) -> str:
    return _written(node.children[0]) if node.type == "trailer" else ""


def _written(node: Any) -> str:
    return " ".join(node.get_code(include_prefix=False).split())
