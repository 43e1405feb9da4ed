"""The one channel by which rules hand settings to their scripts.

What the result of a step follows from is a parameter of its rule, and its script gets exactly that:
where it changes, Snakemake runs the step again. What no result follows from, such as a device, goes
beside it and makes nothing anew.
"""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, TypeVar

from seqcast.settings.section import Section

Kind = TypeVar("Kind", bound=Section)


def tracked(section: Section, *keys: str) -> dict[str, Any]:
    """Return keys of a section, or all but those that no result follows from, as a parameter."""
    wanted = set(keys) or type(section).model_fields.keys() - section.UNTRACKED
    return section.model_dump(mode="json", include=wanted)


def untracked(*sections: Section, **values: Any) -> SimpleNamespace:
    """Return what no result follows from as a parameter: keys of sections, and other values.

    Snakemake compares parameters of Python's own kinds by how they are printed, and no others.
    """
    for section in sections:
        values |= section.model_dump(mode="json", include=set(section.UNTRACKED))
    return SimpleNamespace(**values)


def read_params(kind: type[Kind], *params: Mapping[str, Any] | SimpleNamespace) -> Kind:
    """Return the section that a script was given, in one parameter or in parts.

    It has the keys that were given and no others: asking for one that the rule does not hand on
    is an `AttributeError` instead of a default.
    """
    given: dict[str, Any] = {}
    for each in params:
        values = vars(each) if isinstance(each, SimpleNamespace) else each
        given |= {key: value for key, value in values.items() if key in kind.model_fields}
    section = kind.model_validate(given)
    for key in kind.model_fields.keys() - given.keys():
        del section.__dict__[key]
    return section
