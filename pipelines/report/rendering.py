"""How texts for people are made from templates: strictly, so that a missing value is an error and not a gap."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2


def environment(folder: Path, *, autoescape: bool = True) -> jinja2.Environment:
    """Templates of `folder`; `autoescape` off is for Markdown alone, which its reader makes safe."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
