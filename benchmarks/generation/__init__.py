"""How fast the generator writes, with and without what its cache saves; printed, never gated."""
