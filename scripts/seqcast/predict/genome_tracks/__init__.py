"""Tracks over whole chromosomes, or over regions, of any genome.

`planning` cuts the work into parts, `predicting` does one of them, `joining` makes tracks of all.
A part can be done without the others, so that they run side by side and a stopped run goes on.
"""
