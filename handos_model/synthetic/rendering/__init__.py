"""How it is rendered: meshes, light and camera."""
