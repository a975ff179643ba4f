"""The text codec of a bundle, and the general text that it and the base model begin with."""
