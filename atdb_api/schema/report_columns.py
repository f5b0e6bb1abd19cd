"""The documentation of the schema `reports`, from the comments in the database."""

from itertools import groupby

from sqlalchemy import Connection, text

_COLUMNS = text("""
    select
        view.relname,
        obj_description(view.oid, 'pg_class'),
        attribute.attname,
        format_type(attribute.atttypid, attribute.atttypmod),
        col_description(view.oid, attribute.attnum)
    from pg_class as view join pg_attribute as attribute on attribute.attrelid = view.oid
    where view.relnamespace = 'reports'::regnamespace and view.relkind = 'v' and attribute.attnum > 0
    order by view.relname, attribute.attnum
""")
_FUNCTIONS = text("""
    select proname, pg_get_function_arguments(oid), pg_get_function_result(oid), obj_description(oid, 'pg_proc')
    from pg_proc
    where pronamespace = 'reports'::regnamespace
    order by proname
""")
_SHORT = {"timestamp with time zone": "timestamptz", "double precision": "double"}


def markdown(connection: Connection) -> str:
    """Return a section for each view and function: what it holds, and each column with its type and meaning."""
    sections = []
    for (view, meaning), columns in groupby(connection.execute(_COLUMNS), lambda row: (row[0], row[1])):
        lines = [f"### {view}", "", f"{meaning}", "", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| {name} | {_SHORT.get(kind, kind)} | {words} |" for _, _, name, kind, words in columns]
        sections.append("\n".join(lines))
    for name, arguments, result, words in connection.execute(_FUNCTIONS):
        sections.append(f"### {name}({arguments})\n\n{words}\n\nReturns `{result}`.")
    return "\n\n".join(sections) + "\n"
