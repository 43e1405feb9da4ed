"""Pages are made of templates that lie outside the library."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render(template: str | Path, context: Mapping[str, Any]) -> str:
    """Fill in a template; it finds the others that it names beside it.

    Text is escaped for HTML, and a name that `context` does not have is an error. `source(name)` is
    the text of a file beside the template as it is, and `script|digest` what a page's content
    security policy calls a script that it allows.
    """
    template = Path(template)
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["source"] = lambda name: (template.parent / name).read_text("utf-8")
    environment.filters["digest"] = _make_digest
    return environment.get_template(template.name).render(context)


def _make_digest(script: str) -> str:
    """Name a script as in Content Security Policy Level 3, section 2.3.1: `'sha256-...'`."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"
