"""From examples to rows of tokens: the moments they are asked in, the split, the memory index."""
