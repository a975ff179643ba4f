"""The radio link: what is sent next, and the handling of commands."""
