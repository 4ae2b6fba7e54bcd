"""What the search is worth: samplers against random at equal budgets, and the supernet against training each choice of layers alone."""
