"""From rows to weights: the base model, fine-tuning, remote training."""
