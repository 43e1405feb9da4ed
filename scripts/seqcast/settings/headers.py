"""What a file says of itself, held against its type before anything rests on it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from seqcast.core.errors import SeqcastError
from seqcast.settings.faults import describe_fault
from seqcast.settings.section import Section

T = TypeVar("T")
AnySection = TypeVar("AnySection", bound=Section)


def check_header(kind: type[T], content: str | Mapping[str, Any], path: str | Path, hint: str) -> T:
    """Check what stands in a file, JSON or a mapping, and return it as its type.

    `kind` is a `Section`, or a dataclass. Nothing is converted: a number in quotes is none. Raises
    `SeqcastError` with the first fault, how many more there are, and a hint what to do.
    """
    adapter = TypeAdapter(kind)
    check = adapter.validate_json if isinstance(content, str) else adapter.validate_python
    try:
        return check(content, strict=True)
    except ValidationError as error:
        first, *others = error.errors()
        more = f" ({len(others):,} more faults)" if others else ""
        raise SeqcastError(f"{path}: {describe_fault(first, kind)}{more}; {hint}") from None


def check_attributes(
    kind: type[AnySection], attributes: Mapping[str, Any], path: str | Path, hint: str
) -> AnySection:
    """Check the attributes of an HDF5 file that a section has; others are let pass.

    Raises what `check_header` raises.
    """
    found = {key: attributes[key] for key in kind.model_fields if key in attributes}
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in found.items()}
    return check_header(kind, plain, path, hint)
