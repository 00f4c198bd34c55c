"""How an executable starts and ends."""
