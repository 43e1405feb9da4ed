"""The end of a run: one page that says what came out, its figures as files, four lines of text."""
