"""Text of others, shown as the text it is."""

import re

# Control characters, which command a terminal or part lines and cells; ends of lines; marks that
# turn the direction of what follows; halves of characters, which no file can hold.
_COMMANDS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def to_printable(text: str, keep: str = "") -> str:
    r"""Write control characters, other than those in `keep`, as Python does: `\x1b`, `\t`."""
    return _COMMANDS.sub(
        lambda found: found[0] if found[0] in keep else ascii(found[0])[1:-1], text
    )
