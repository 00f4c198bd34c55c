"""The run of `handos predict`: what it does, in which processes, and what it writes for which inputs."""
