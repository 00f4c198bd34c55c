"""Training on views of single hands, and on images for the finder: batches are cut and changed as tensors, anywhere."""
