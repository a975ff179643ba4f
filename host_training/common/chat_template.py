"""The turn format of every model trained here: ChatML, as SmolLM2 and Qwen use it."""

from __future__ import annotations

from pathlib import Path

from host_training.errors import TrainingError

END_OF_TEXT = "<|endoftext|>"
START_OF_TURN = "<|im_start|>"
END_OF_TURN = "<|im_end|>"
SPECIAL_TOKENS = (END_OF_TEXT, START_OF_TURN, END_OF_TURN)

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def check_tokens(base: Path) -> None:
    """Raises TrainingError if a base's tokenizer.json is damaged or lacks one of the tokens.

    ``merge.check_base`` reports a folder without the file.
    """
    from tokenizers import Tokenizer  # what wants the tokens alone need not have it

    path = base / "tokenizer.json"
    if not path.is_file():
        return
    try:
        vocabulary = Tokenizer.from_file(str(path)).get_vocab()
    except Exception as error:  # the library raises no other
        raise TrainingError(f"{path}: cannot be read ({error}).") from error
    missing = [token for token in SPECIAL_TOKENS if token not in vocabulary]
    if missing:
        raise TrainingError(f"{base}: its tokenizer has no {', '.join(missing)}; use a base with"
                            f" ChatML tokens ({', '.join(SPECIAL_TOKENS)}).")
