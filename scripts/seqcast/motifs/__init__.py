"""Which motifs a model reads, where they stand, and what they do.

`arrays` reads that; `discovering` has TF-MoDISco look for patterns in it, part by part, through
`tools`, which runs `modisco` in an interpreter of its own; `patterns` is what it found, `naming`
compares them with known motifs and with each other; `scanning` finds matches of motifs and their
exact p values, `hits` those that matter.

`backgrounds` has shuffled sequence, `placing` says where motifs are put into it, `effects` what a
model then predicts, `measuring` does so part by part (`effect_parts`), `effects_writing` makes
tables of what all models say.
"""
