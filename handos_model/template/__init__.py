"""The hand template: the embedded one, MANO's, and how either is posed."""
