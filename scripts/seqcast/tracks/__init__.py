"""Tracks that open in a genome browser, and the pages, hubs and sessions that show them."""
