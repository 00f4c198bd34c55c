"""What compressed images promise in their first bytes, checked against what their files can hold."""
