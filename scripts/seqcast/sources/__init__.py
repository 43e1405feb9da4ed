"""Where windows of DNA and their coverage come from."""
