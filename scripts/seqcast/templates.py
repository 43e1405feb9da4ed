"""Pages are made of templates that lie outside the library."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render(template: str | Path, context: Mapping[str, Any]) -> str:
    """Fill in a template; it finds the others that it names beside it.

    Text is escaped for HTML, and a name that `context` does not have is an error.
    """
    template = Path(template)
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template.name).render(context)
