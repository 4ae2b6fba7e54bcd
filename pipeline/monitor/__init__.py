"""What runs, watched: the jobs of the service for Prometheus, and a served model's decisions against a window that was good."""
