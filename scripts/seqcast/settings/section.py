"""The base of every section of the configuration."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, lt=1)]
# What UCSC calls assemblies; it stands in files that others read.
AssemblyName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.]*$", max_length=64)]


class Section(BaseModel):
    """Refuse unknown keys and later changes."""

    # A default of 0 is 0.0 like one that was given.
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        validate_default=True,
    )


def is_url(place: str) -> bool:
    """Say whether a file must be downloaded first."""
    return place.partition("://")[0] in ("http", "https", "ftp")
