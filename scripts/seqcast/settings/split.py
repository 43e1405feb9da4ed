"""Settings of what is held out of a genome."""

from typing import Annotated

from pydantic import Discriminator, Field, NonNegativeInt, PositiveInt, Tag, model_validator

from seqcast.settings.section import Section, is_url

# Names or a share; what stands there says which of them is meant, so that one fault is one line.
HeldOut = Annotated[
    Annotated[tuple[str, ...], Tag("[names]")]
    | Annotated[float, Field(gt=0, lt=1), Tag("[share]")],
    Discriminator(lambda given: "[share]" if isinstance(given, int | float) else "[names]"),
]


class SplitSettings(Section):
    """Which parts of the genome are held out."""

    valid: HeldOut = ()
    """Held out to choose the best epoch: chromosomes, intervals such as `chr21:1,000,001-2,000,000`
    and BED files (`.bed`, `.bed.gz`, URLs); or, with `blocks`, a share of the bases."""
    test: HeldOut = ()
    """Held out to the end, in the same way; everything else is trained on."""
    exclude: tuple[str, ...] = ()
    """Chromosomes left out altogether, such as chrM."""
    alternates: bool = False
    """Use contigs such as `chr1_KI270706v1_random`, `chr6_GL000250v2_alt`, `_fix` and `_hap1` too:
    other versions and loose pieces of chromosomes, which may be held out."""
    folds: Annotated[int, Field(ge=3)] | None = None
    """Instead of `valid` and `test`: a number of models, each tested on a part of its own."""
    blocks: PositiveInt | None = None
    """Cut contigs into blocks of at least this many bases, and draw from them what is held out;
    None: whole contigs, or what `valid` and `test` name."""
    seed: NonNegativeInt = 1
    """The same seed draws the same blocks."""
    gap: NonNegativeInt | None = None
    """Bases that nothing uses wherever two parts meet on a contig; None: the receptive field of the
    preset `default`, or the window where that is less."""

    @property
    def named(self) -> dict[str, tuple[str, ...]]:
        """What `valid` and `test` name, nothing where they are shares."""
        given = {"valid": self.valid, "test": self.test}
        return {key: value for key, value in given.items() if isinstance(value, tuple)}

    @property
    def beds(self) -> dict[str, str]:
        """The BED files among the names, paths or URLs, and the key that names each."""
        return {
            name: f"dataset.split.{key}"
            for key, names in self.named.items()
            for name in names
            if is_url(name) or name.endswith((".bed", ".bed.gz"))
        }

    @model_validator(mode="after")
    def _check(self) -> "SplitSettings":
        shares = [value for value in (self.valid, self.test) if isinstance(value, float)]
        if shares and (len(shares) == 1 or not self.blocks):
            raise ValueError(
                "valid and test are shares of drawn blocks, both of them and with blocks: 1000000,"
                " or both are lists"
            )
        if sum(shares) >= 1:
            raise ValueError(f"valid and test take {sum(shares):.0%}: nothing is left to train on")
        named = [*(name for names in self.named.values() for name in names), *self.exclude]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is named twice in valid, test and exclude")
        if self.folds and (self.valid or self.test):
            raise ValueError("folds holds out every part in turn; leave out valid and test")
        if self.blocks and not self.folds and not shares:
            raise ValueError(
                "blocks draws what is held out: valid and test are then shares such as 0.1; or set"
                " folds: 5"
            )
        if not self.folds and not (self.valid and self.test):
            raise ValueError("valid and test need a chromosome each; or set folds: 5")
        return self
