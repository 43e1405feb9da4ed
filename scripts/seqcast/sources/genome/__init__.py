"""A genome as FASTA and the tracks measured over it as bigWigs."""
