"""The paper's results, row by row, and the same measurements of a trained network."""
