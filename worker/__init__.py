"""Where we touch the world."""
