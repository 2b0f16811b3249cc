"""sandboxes: the systems, simulated, one file or folder a system."""
