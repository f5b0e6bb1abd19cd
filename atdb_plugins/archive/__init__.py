"""The long-term archive behind any fsspec URL."""
