"""A run as a document: Markdown for a repository, one HTML page for everybody else."""
