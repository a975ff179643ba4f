"""From rows to weights: the base model, fine-tuning, training elsewhere and back."""
