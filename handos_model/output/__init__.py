"""Output of results and drawings; every file is written through output_file."""
