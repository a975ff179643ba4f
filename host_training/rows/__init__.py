"""From examples to rows of tokens: sampled contexts, the split, the memory index."""
