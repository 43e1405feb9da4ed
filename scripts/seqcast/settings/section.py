"""The base of every section of the configuration."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """Refuse unknown keys and later changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
