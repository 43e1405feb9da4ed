"""A DeepLIFT of others' explains both kinds of network, to the last bit of what they predict."""

import pytest
import torch
from torch import Tensor, nn

from seqcast.data.targets import Targets
from seqcast.nn import Network, to_one_hot
from seqcast.settings import PRESETS, read_network


class Explained(nn.Module):
    """The log rate of one target in one bin."""

    def __init__(self, network: Network, bin_: int, target: int) -> None:
        super().__init__()
        self.network = network
        self.bin = bin_
        self.target = target

    def forward(self, one_hot_BCL: Tensor) -> Tensor:
        return self.network(one_hot_BCL.transpose(1, 2))[:, self.bin, self.target, None]


@pytest.mark.slow
@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_attributions_sum_to_what_is_explained(preset: str) -> None:
    from tangermeme.deep_lift_shap import deep_lift_shap

    torch.manual_seed(1)
    network = Network(read_network(PRESETS[preset]["network"]), Targets.from_names(["a", "b"]))
    # Statistics as after some training, of windows other than those explained.
    codes = torch.randint(0, 4, (4, 1280), dtype=torch.uint8)
    with torch.no_grad():
        for _ in range(40):
            network.train()(codes)
    # Untrained, it says nearly the same of any sequence; this way differences are large.
    nn.init.normal_(network.head.weight)
    explained = Explained(network, 5, 1).eval()
    one_hot_BCL = to_one_hot(torch.randint(0, 4, (2, 1280), dtype=torch.uint8)).mT
    references_BRCL = to_one_hot(torch.randint(0, 4, (2, 3, 1280))).mT
    # A convergence delta above the threshold is a warning, and that a failure.
    attributions = deep_lift_shap(
        explained, one_hot_BCL, references=references_BRCL, warning_threshold=1e-4, device="cpu"
    )
    with torch.no_grad():
        wanted = explained(one_hot_BCL)[:, 0]
        wanted -= explained(references_BRCL.flatten(0, 1))[:, 0].unflatten(0, (2, 3)).mean(1)
    assert wanted.abs().max() > 0.1
    torch.testing.assert_close(attributions.sum((1, 2)), wanted, rtol=0, atol=1e-4)
