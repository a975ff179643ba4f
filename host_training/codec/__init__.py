"""The text codec of a bundle, and the general text used for it and for the base model."""
