"""The one error that is the user's to correct, and how its words are put."""

from collections.abc import Sequence


class SeqcastError(Exception):
    """Say where the fault is, what was found, what was wanted and what to do.

    Whoever runs a step catches it once and shows the message alone, without a traceback.
    """

    exit_code = 1

    def __str__(self) -> str:
        """Return the lines, with what cannot be shown (bytes of a damaged file) as an escape."""
        text = super().__str__()
        return "".join(
            letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1]
            for letter in text
        )


class Stopped(SeqcastError):
    """Say that work was put down on purpose, and that the same command takes it up again."""

    # sysexits.h: a temporary failure, try again. Snakemake's `--retries` takes up any.
    exit_code = 75


def suggest(word: str, known: list[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the known word nearest to a misspelt one, or ``""``."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""


def list_some(words: Sequence[str], most: int = 3, between: str = ", ") -> str:
    """Write the first few of many words: `a, b, c and 9 more`."""
    more = len(words) - most
    return between.join(words[:most]) + (f" and {more:,} more" if more > 0 else "")
