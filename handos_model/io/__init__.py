"""Images in, from files, videos and recordings; drawn images out."""
