"""The stages see and find of the embedded checkpoint: what each trains, and the files that it becomes."""
