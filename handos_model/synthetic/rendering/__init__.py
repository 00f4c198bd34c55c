"""How things are rendered: meshes, light and camera."""
