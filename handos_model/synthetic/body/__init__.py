"""The things that are rendered: hands, arms, people and objects."""
