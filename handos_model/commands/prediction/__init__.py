"""The run of `handos predict`: what is done, in which processes, and what is written for which inputs."""
