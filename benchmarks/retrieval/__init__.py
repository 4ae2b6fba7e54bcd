"""The library's search beside other ways to search the same files."""
