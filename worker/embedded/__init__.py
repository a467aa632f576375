"""Everything on one machine from nothing: servers from wheels, our own supervisor, and the deployed shape as children."""
