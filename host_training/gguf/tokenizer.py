"""The tokenizer of a Hugging Face folder as entries of a GGUF.

llama.cpp has the rules by which text is cut before merging compiled in, under names. Two are known
here, and anything else is refused rather than mis-tokenised: ``smollm`` (spacepi-train base,
SmolLM, SmolLM2) and ``qwen2`` (Qwen2, 2.5 and 3). They are told by what tokenizer.json says they
do, not by a list of hashes, so that a tokenizer with other words but the same rules is known too.

Source: llama.cpp's conversion/base.py (get_vocab_base, _set_vocab_gpt2) and gguf's SpecialVocab.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf

from host_training.common.chat_template import CHAT_TEMPLATE, END_OF_TEXT, END_OF_TURN
from host_training.errors import TrainingError

GRANITE_VOCAB_SIZE = 49152  # where the converter says add_bos=false in so many words; SmolLM2 too
_BYTES = {"type": "ByteLevel", "add_prefix_space": False}
SCHEMES: dict[str, tuple[Any, list[dict[str, Any]]]] = {  # name: normalizer, pre-tokenizers
    "smollm": (None, [
        {"type": "Digits", "individual_digits": True}, {**_BYTES, "use_regex": True}]),
    "qwen2": ({"type": "NFC"}, [
        {"type": "Split", "behavior": "Isolated", "invert": False, "pattern": {"Regex":
         r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+"}},
        {**_BYTES, "use_regex": False}]),
}


def read_tokenizer(model_dir: Path) -> dict[str, Any]:
    """The table of ``tokenizer.json``; raises TrainingError when it is missing or no such table."""
    path = model_dir / "tokenizer.json"
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        table["model"]["type"], table["added_tokens"]
    except OSError as error:
        raise TrainingError(f"{model_dir}: no tokenizer.json.") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TrainingError(f"{path}: not a tokenizer ({error!r}).") from error
    return table


def scheme_of(tokenizer: dict[str, Any]) -> str | None:
    """smollm or qwen2; None for any other way to cut text."""
    pre = tokenizer.get("pre_tokenizer") or {}
    found = pre.get("pretokenizers", [])
    for name, (normalizer, wanted) in SCHEMES.items():
        parts = [{key: part.get(key) for key in want}
                 for part, want in zip(found, wanted, strict=False)]
        if (tokenizer["model"].get("type") == "BPE" and len(found) == len(wanted)
                and parts == wanted and tokenizer.get("normalizer") == normalizer):
            return name
    return None


def add_tokenizer(writer: gguf.GGUFWriter, model_dir: Path, vocab_size: int) -> None:
    """Tokens, types, merges, ends and template.

    The ends are set by us, since a wrong default never stops: the end of a turn ends generation.

    Raises:  TrainingError for a tokenizer llama.cpp would read otherwise.
    """
    tokenizer = read_tokenizer(model_dir)
    scheme = scheme_of(tokenizer)
    if scheme is None:
        raise TrainingError(f"{model_dir}: this tokenizer cannot be exported; supported: "
                            "byte-level BPE with the pre-tokenizer of SmolLM2 or Qwen2.")
    names, types = _tokens(tokenizer, model_dir, vocab_size)
    ends = {}
    for token in (END_OF_TEXT, END_OF_TURN):
        if token not in names or types[names.index(token)] != gguf.TokenType.CONTROL:
            raise TrainingError(f"{model_dir}: {token} is not a special token of the tokenizer.")
        ends[token] = names.index(token)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(scheme)
    writer.add_token_list(names)
    writer.add_token_types(types)
    writer.add_token_merges([_merge(merge) for merge in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(ends[END_OF_TEXT])
    writer.add_eos_token_id(ends[END_OF_TURN])
    writer.add_pad_token_id(ends[END_OF_TEXT])
    if _says_no_bos(tokenizer):
        writer.add_add_bos_token(False)
        writer.add_add_eos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)
    if vocab_size == GRANITE_VOCAB_SIZE and not _says_no_bos(tokenizer):
        writer.add_add_bos_token(False)


def _says_no_bos(tokenizer: dict[str, Any]) -> bool:
    """A post-processor of bytes alone adds nothing, which the converter then writes down."""
    post = tokenizer.get("post_processor") or {}
    return any(part.get("type") == "ByteLevel" for part in post.get("processors", [post]))


def _tokens(tokenizer: dict[str, Any], model_dir: Path, vocab_size: int
            ) -> tuple[list[str], list[gguf.TokenType]]:
    """Text and type of every id up to ``vocab_size``; ids that nothing has are padding."""
    tokens = {index: token for token, index in tokenizer["model"]["vocab"].items()}
    kinds = dict.fromkeys(tokens, gguf.TokenType.NORMAL)
    for added in tokenizer["added_tokens"]:
        index, text = added["id"], added["content"]
        is_control = added["special"] or (text.startswith("<|") and text.endswith("|>"))
        tokens[index] = text if is_control else text.replace("\u2581", " ")
        kinds[index] = gguf.TokenType.CONTROL if is_control else gguf.TokenType.USER_DEFINED
    if tokens and max(tokens) >= vocab_size:
        raise TrainingError(f"{model_dir}: the tokenizer has id {max(tokens)}, the model only"
                            f" {vocab_size} tokens.")
    return ([tokens.get(index, f"[PAD{index}]") for index in range(vocab_size)],
            [kinds.get(index, gguf.TokenType.UNUSED) for index in range(vocab_size)])


def _merge(merge: str | list[str]) -> str:
    """The two halves with a space between; a space inside one is written as llama.cpp wants it."""
    if isinstance(merge, str):
        return merge
    return " ".join(part.replace(" ", chr(ord(" ") + 256)) for part in merge)
