"""Between messages and the values of handos_model."""
