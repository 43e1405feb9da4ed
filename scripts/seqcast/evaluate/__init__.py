"""How good predictions are: metrics and what they are computed over, noise ceilings, baselines."""
