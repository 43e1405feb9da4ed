"""Which channel of one-hot DNA is which base, found from the data.

Counts of steps (a base and the next) say it in three parts, each with a margin:

- *pairs*: over many windows a step is as frequent as its reverse complement (Chargaff's second
  rule), so of the three ways to pair four channels only the true one is balanced;
- *which pair is A and T*: most genomes are AT-rich; where one pair's rarer step is below
  0.6 of its mirror and the other's is not, that is CpG and decides;
- *which of a pair is which*: T then A is rarer than A then T, C then G rarer than G then C.

A relative difference counts from 5 % and 5 standard errors on. Complement alone or reversal alone
(TGCA for ACGT) leaves the first two parts as they were; only the third tells them apart. DNA of
GC-rich organisms contradicts the second part where CpG is not depleted: `auto` then takes C and G
for A and T, so a declared order that only this part speaks against is believed.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

ORDERS = tuple("".join(order) for order in itertools.permutations("ACGT"))
# Basenji writes ACGT, the chapter says ATCG: tried in this order where the data allow several.
_PREFERRED = ("ACGT", "ATCG", *ORDERS)
_PAIRINGS = (((0, 3), (1, 2)), ((0, 1), (2, 3)), ((0, 2), (1, 3)))
_LEAST_DIFFERENCE = 0.05
_LEAST_ERRORS = 5.0
_LEAST_BALANCE = 4.0
_LEAST_CHI2 = 100.0
_CPG_DEPLETED = 0.6

Pair = tuple[int, int]


@dataclass(frozen=True)
class BaseOrder:
    """The order of the bases in the channels: `order` is used, all of `possible` fit the data."""

    order: str
    possible: tuple[str, ...]
    declared: str
    evidence: tuple[str, ...]

    @property
    def is_determined(self) -> bool:
        """Say whether only one order fits the data."""
        return len(self.possible) == 1

    @property
    def is_contradicted(self) -> bool:
        """Say whether the declared order does not fit the data."""
        return self.declared != "auto" and self.declared not in self.possible

    @property
    def table(self) -> np.ndarray:
        """Return the code (0..3 = ACGT, 4 = N) of each channel and of none, (5,) uint8."""
        return make_table(self.order)


def make_table(order: str) -> np.ndarray:
    """Return the code (0..3 = ACGT, 4 = N) of each channel of an order and of none, (5,) uint8."""
    return np.array([*("ACGT".index(base) for base in order), 4], dtype=np.uint8)


def count_steps(codes: np.ndarray) -> np.ndarray:
    """Count each step from one base to the next, (5, 5) int64, the last row and column for N."""
    steps = codes[:-1].astype(np.intp) * 5 + codes[1:]
    return np.bincount(steps, minlength=25).reshape(5, 5)


def find_base_order(steps_55: np.ndarray, declared: str = "auto") -> BaseOrder:
    """Find the order of the bases from counts of steps between channels, (5, 5).

    Where several orders fit, the declared one is used if it does, else Basenji's ACGT.
    """
    steps = steps_55[:4, :4].astype(float)
    pairing, evidence = _find_pairing(steps)
    weak: Pair | None = None
    is_proven = False
    rarer: list[Pair] = []
    if pairing:
        weak, is_proven, why = _find_weak_pair(steps, pairing)
        evidence += why
        rarer, why = _find_rarer_steps(steps, pairing)
        evidence += why
    possible = tuple(order for order in ORDERS if _fits(order, pairing, weak, rarer))
    is_open = pairing and not is_proven and declared in ORDERS and declared not in possible
    if is_open and _fits(declared, pairing, None, rarer):
        # That A+T is the frequent pair is a rule, no law: the file's owner may know better.
        possible = (*possible, declared)
        evidence.append(f"{declared} was declared and fits if the genome is rich in G and C")
    wanted = declared if declared != "auto" else "ACGT"
    order = next(o for o in (wanted, *_PREFERRED) if o in possible)
    return BaseOrder(order, possible, declared, tuple(evidence))


def _find_pairing(steps: np.ndarray) -> tuple[tuple[Pair, Pair] | None, list[str]]:
    """Return the pairs of channels that strand symmetry balances, and how clearly."""
    chi2 = sorted((_imbalance(steps, pairing), pairing) for pairing in _PAIRINGS)
    (best, pairing), (second, _) = chi2[:2]
    if second < _LEAST_BALANCE * best or second - best < _LEAST_CHI2:
        return None, ["strand symmetry does not say which channels are complements"]
    (a, b), (c, d) = pairing
    times = second / max(best, 1.0)
    line = f"channels {a}+{b} and {c}+{d} are complements: {times:,.0f} times better balanced"
    return pairing, [f"{line} than the next pairing"]


def _imbalance(steps: np.ndarray, pairing: tuple[Pair, Pair]) -> float:
    """Return chi-square of each step against its reverse complement."""
    other = np.empty(4, dtype=int)
    for a, b in pairing:
        other[[a, b]] = b, a
    mirrored = steps[np.ix_(other, other)].T
    return float(((steps - mirrored) ** 2 / np.maximum(steps + mirrored, 1)).sum())


def _find_weak_pair(
    steps: np.ndarray, pairing: tuple[Pair, Pair]
) -> tuple[Pair | None, bool, list[str]]:
    """Return the pair that is A and T, whether that is proven, and how clearly."""
    depletion = [_step_ratio(steps, pair) for pair in pairing]
    for index, ratio in enumerate(depletion):
        if ratio < _CPG_DEPLETED < depletion[1 - index]:
            a, b = pairing[index]
            return (
                pairing[1 - index],
                True,
                [f"channels {a}+{b} are C and G: CpG is {ratio:.2f} of GpC"],
            )
    counts = [float(steps[list(pair)].sum()) for pair in pairing]
    if not _differ(*counts):
        return None, False, ["both pairs are equally frequent: A+T or C+G cannot be told"]
    weak = pairing[int(np.argmax(counts))]
    share = max(counts) / sum(counts)
    return weak, False, [f"channels {weak[0]}+{weak[1]} are A and T: {share:.1%} of the bases"]


def _step_ratio(steps: np.ndarray, pair: Pair) -> float:
    """Return the rarer of a pair's two steps over the other, 1 where they hardly differ."""
    there, back = steps[pair], steps[pair[::-1]]
    return min(there, back) / max(there, back) if _differ(there, back) else 1.0


def _find_rarer_steps(
    steps: np.ndarray, pairing: tuple[Pair, Pair]
) -> tuple[list[Pair], list[str]]:
    """Return for each pair the step that is rarer than its mirror, where that is clear."""
    rarer, evidence = [], []
    for a, b in pairing:
        there, back = steps[a, b], steps[b, a]
        if not _differ(there, back):
            evidence.append(f"steps {a}-{b} and {b}-{a} are equally frequent: T or A, C or G?")
            continue
        rare = (a, b) if there < back else (b, a)
        rarer.append(rare)
        ratio = min(there, back) / max(there, back)
        evidence.append(f"step {rare[0]}-{rare[1]} (TpA or CpG) is {ratio:.2f} of its mirror")
    return rarer, evidence


def _differ(a: float, b: float) -> bool:
    """Say whether two counts differ by 5 % and by five standard errors."""
    if min(a, b) <= 0:
        return max(a, b) > _LEAST_ERRORS**2
    error = math.sqrt(1 / a + 1 / b)
    return abs(math.log(a / b)) > max(math.log1p(_LEAST_DIFFERENCE), _LEAST_ERRORS * error)


def _fits(
    order: str, pairing: tuple[Pair, Pair] | None, weak: Pair | None, rarer: list[Pair]
) -> bool:
    """Say whether an order agrees with all that the data say."""
    for a, b in pairing or ():
        if {order[a], order[b]} not in ({"A", "T"}, {"C", "G"}):
            return False
    if weak and {order[channel] for channel in weak} != {"A", "T"}:
        return False
    return all(order[a] + order[b] in ("TA", "CG") for a, b in rarer)
