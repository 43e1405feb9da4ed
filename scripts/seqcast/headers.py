"""What a file says of itself, held against its type before anything rests on it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from seqcast.errors import SeqcastError
from seqcast.settings.faults import describe_fault

T = TypeVar("T")


def read_header(kind: type[T], content: str | Mapping[str, Any], path: str | Path, hint: str) -> T:
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
