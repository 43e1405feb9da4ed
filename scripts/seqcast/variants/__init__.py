"""What variants do: a VCF's alleles scored by what they change of what is predicted.

`vcf` reads rows, `alleles` judges each, `planning` cuts them into `parts` and draws the `null`;
`scoring` does a part with a trained model (`grid` lays windows, `effects` predicts them, `scores`
has the formulas); `joining` averages members, `significance` adds p and q, `writing` makes files.
"""
