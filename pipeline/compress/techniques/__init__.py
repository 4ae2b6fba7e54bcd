"""One file a technique; what such a file holds stands in `pipeline.compress`."""
