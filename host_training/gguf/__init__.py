"""Model files as llama.cpp reads them: written, read, and described."""
