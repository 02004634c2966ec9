"""What needs JAX, which is imported here only."""
