"""What a trained network predicts: windows, whole genomes, several models together."""
