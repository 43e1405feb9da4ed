"""Which motifs a model reads, and where they stand: from what `explain` found.

`arrays` reads that; `discovering` has TF-MoDISco look for patterns in it, part by part, through
`tools`, which runs `modisco` in an interpreter of its own; `patterns` is what it found, `naming`
compares them with known motifs and with each other; `scanning` finds matches of motifs and their
exact p values, `hits` those that matter.
"""
