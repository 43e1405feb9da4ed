"""The end of a run: one page that says what came out, its figures as files, four lines of text."""

from seqcast.report.page import write_report
from seqcast.report.results import ModelFiles, ModelResults, Scores, read_results

__all__ = ["ModelFiles", "ModelResults", "Scores", "read_results", "write_report"]
