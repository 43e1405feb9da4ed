"""Networks and trainings to start from."""

from typing import Any

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    # The chapter's network and training, number by number.
    "course": {
        "network": {
            "kind": "gated",
            "downsample": [[48, 21, 2, 0], [60, 7, 4, 0.05], [76, 7, 4, 0.05], [96, 7, 4, 0.05]],
            "dilated": [[24, 3, dilation, 0.1] for dilation in (1, 2, 4, 8, 16, 32, 64)],
        },
        "train": {},
    },
    "default": {
        "network": {
            "kind": "pooled",
            "downsample": [[96, 19, 8, 0], [128, 5, 4, 0.1], [128, 5, 4, 0.1], [128, 5, 1, 0.1]],
            "dilated": [[128, 3, dilation, 0.2] for dilation in (1, 2, 4, 8, 16, 32)],
            "head_dropout": 0.3,
        },
        "train": {
            "epochs": 40,
            "learning_rate": 4e-3,
            "schedule": "step",
            "warmup_epochs": 0.5,
            "beta1": 0.9,
            "beta2": 0.98,
            "clip_norm": 1.0,
            "weight_decay": 0.05,
            "max_shift": 0,
            "max_jitter": 4096,
            "reverse_complement": True,
            "units": "mean",
        },
    },
}
