"""What every room stands on: errors, the console, files that are whole or not there, provenance."""
