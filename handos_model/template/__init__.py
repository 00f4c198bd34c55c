"""The hand template: the embedded one and MANO's, and posing either of them."""
