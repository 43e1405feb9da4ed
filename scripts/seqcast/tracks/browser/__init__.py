"""Pages, hubs and sessions that show a folder of tracks in a genome browser."""
