"""The page on which people read what validation found: one file, readable without network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from expectations.catalogue import TABLES, CatalogueResult, counted
from expectations.validation import EXAMPLES, TableResult

_WHOLE = ("product_id", "shard", "received_at", "labelled_at", "predicted_at")  # columns never broken over lines
_TEMPLATES = Path(__file__).parent / "templates"


def render(result: CatalogueResult) -> str:
    """The page as HTML; the same result gives the same page."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    tables = {table.table: _table(table) for table in result.tables}
    environment.filters["code"] = _with_code
    return environment.get_template("validation.html").render(
        folder=str(result.folder),
        verdict=_verdict(result),
        tables=[tables.get(name, {"name": name, "absent": True}) for name in TABLES],
        errors=[(tables[table.table], rule) for table, rule in result.broken("error")],
        warnings=[(tables[table.table], rule) for table, rule in result.broken("warning")],
        count=counted,
        most=EXAMPLES,
        whole=_WHOLE,
    )


def _table(table: TableResult) -> dict[str, Any]:
    return {
        "name": table.table,
        "absent": False,
        "rows": table.rows,
        "evaluated": table.evaluated,
        "kept": sum(one.success for one in table.expectations),
        "errors": len(table.broken("error")),
        "warnings": len(table.broken("warning")),
        "expectations": table.expectations,
    }


def _verdict(result: CatalogueResult) -> dict[str, str]:
    errors, warnings = len(result.broken("error")), len(result.broken("warning"))
    rules = counted(sum(table.evaluated for table in result.tables), "rule")
    beside = f"{counted(warnings, 'warning')} to look at" if warnings else "no warnings"
    if result.passed:
        return {"colour": "good", "title": "✓ The catalogue is sound", "text": f"{rules} checked, no errors, {beside}."}
    title = f"✗ {counted(errors, 'rule')} broken: the graph stops here"
    return {"colour": "bad", "title": title, "text": f"{rules} checked, {counted(errors, 'error')}, {beside}."}


def _with_code(text: str) -> str:
    """`text` with what stands between backticks set as code."""
    from markupsafe import Markup, escape

    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts)
    )
