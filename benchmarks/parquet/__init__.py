"""How fast weights go into Parquet and out of it, beside safetensors, and in how much memory; printed, never gated."""
