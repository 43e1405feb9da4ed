"""DNA and the files it lies in: codes, FASTA, bigWig, words, shuffles."""
