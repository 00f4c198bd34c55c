"""What is rendered: hands, arms, people and things."""
