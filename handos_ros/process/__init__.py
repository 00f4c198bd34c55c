"""Starting and stopping an executable."""
