"""The base of every section of the configuration, and which there are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, lt=1)]
# What UCSC calls assemblies; it stands in files that others read.
AssemblyName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.]*$", max_length=64)]


class Section(BaseModel):
    """Refuse unknown keys and later changes."""

    # Keys that no result follows from: changing them makes nothing anew (`params.untracked`).
    UNTRACKED: ClassVar[frozenset[str]] = frozenset()

    # A default of 0 is 0.0 like one that was given.
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        validate_default=True,
    )


@dataclass(frozen=True)
class Becomes:
    """Say what a mapping is once it is merged with its preset, in `Annotated`."""

    kind: Any


def find_sections(kind: type[BaseModel], path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield every section with the path of keys to it, such as `models.*.train`.

    Where one of several may stand, each is yielded.
    """
    yield path, kind
    found = {
        (f"{path}.{key}{inside}".removeprefix("."), section): None
        for key, field in kind.model_fields.items()
        for annotation in (field.annotation, *field.metadata)
        for inside, section in _find_kinds(annotation)
    }
    for each, section in found:
        yield from find_sections(section, each)


def _find_kinds(annotation: Any) -> Iterator[tuple[str, type[Section]]]:
    """Yield the sections that a type names; `.*` stands for the key of a mapping."""
    if isinstance(annotation, Becomes):
        yield from _find_kinds(annotation.kind)
    elif isinstance(annotation, type) and issubclass(annotation, Section):
        yield "", annotation
    elif get_origin(annotation) is dict:
        for inside, section in _find_kinds(get_args(annotation)[1]):
            yield f".*{inside}", section
    else:
        for part in get_args(annotation):
            yield from _find_kinds(part)


def find_tag(kind: type[BaseModel]) -> tuple[str, str] | None:
    """Return the key that tells a section from others that may stand there, and its value."""
    for key in ("source", "kind"):
        if key in kind.model_fields and (value := get_args(kind.model_fields[key].annotation)):
            return key, value[0]
    return None


def is_url(location: str) -> bool:
    """Say whether a file must be downloaded first."""
    return location.partition("://")[0] in ("http", "https", "ftp")
