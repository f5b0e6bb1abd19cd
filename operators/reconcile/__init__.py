"""reconcile: compare ATDB with all that it should agree with, and put right what is safe."""
