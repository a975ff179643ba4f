"""Random models of a few thousand weights, one of each architecture, with tokenizers to match."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.host_training.conftest import NOTEBOOK

CERTAINTY = 8.0  # nats by which the end of a turn is likelier after a full stop
VOCAB_SIZE = 304  # a few more than the tokenizer has: padded, as Qwen is


def make_tokenizer(scheme: str) -> Any:
    """A byte-level BPE of 300 tokens that cuts as ``scheme`` (smollm or qwen2) does."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    from host_training.common.chat_template import SPECIAL_TOKENS
    from host_training.gguf.tokenizer import SCHEMES

    tokenizer = Tokenizer(models.BPE())
    if scheme == "qwen2":
        pattern = SCHEMES["qwen2"][1][0]["pattern"]["Regex"]
        tokenizer.normalizer = normalizers.NFC()
        first = pre_tokenizers.Split(Regex(pattern), "isolated")
    else:
        first = pre_tokenizers.Digits(individual_digits=True)
    second = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=scheme == "smollm")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([first, second])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=list(SPECIAL_TOKENS), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([NOTEBOOK], trainer)
    return tokenizer


def make(architecture: str, out: Path, dtype: str = "float32", **changes: Any) -> Path:
    """A folder as transformers saves it; ``changes`` go into config.json."""
    import torch
    from transformers import (
        AutoModelForCausalLM,
        LlamaConfig,
        PreTrainedTokenizerFast,
        Qwen2Config,
        Qwen3Config,
        Starcoder2Config,
    )

    from host_training.common.chat_template import (
        CHAT_TEMPLATE,
        END_OF_TEXT,
        END_OF_TURN,
        START_OF_TURN,
    )

    kind = {"llama": LlamaConfig, "qwen2": Qwen2Config, "qwen3": Qwen3Config,
            "starcoder2": Starcoder2Config}[architecture]
    settings = {
        "vocab_size": VOCAB_SIZE, "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 256, "tie_word_embeddings": architecture != "qwen2",
        "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 0, **changes}
    if architecture == "qwen3":
        settings["head_dim"] = 32
    torch.manual_seed(5)
    model = AutoModelForCausalLM.from_config(kind(**settings))
    for name, weight in model.named_parameters():
        if name.endswith("bias"):  # zeros would hide a bias that is lost
            torch.nn.init.normal_(weight)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=make_tokenizer("smollm" if architecture == "llama" else "qwen2"),
        bos_token=END_OF_TEXT, eos_token=END_OF_TURN, pad_token=END_OF_TEXT,
        additional_special_tokens=[START_OF_TURN])
    tokenizer.chat_template = CHAT_TEMPLATE
    _teach_turns(model, tokenizer)
    model.to(getattr(torch, dtype)).save_pretrained(out)
    tokenizer.save_pretrained(out)
    return out


def _teach_turns(model: Any, tokenizer: Any) -> None:
    """After a full stop the end of the turn becomes likely, as in a base that was taught to talk.

    Its embedding is moved towards what the model has in mind there.
    """
    import torch

    from host_training.common.chat_template import END_OF_TURN, START_OF_TURN

    ids = tokenizer(f"{START_OF_TURN}user\nWho?{END_OF_TURN}\n{START_OF_TURN}assistant\nI am.",
                    return_tensors="pt")["input_ids"]
    with torch.no_grad():
        thought = model.get_decoder()(input_ids=ids).last_hidden_state[0, -1]
        output = model.get_output_embeddings().weight
        end = tokenizer.convert_tokens_to_ids(END_OF_TURN)
        output[end] += CERTAINTY * thought / thought.norm() ** 2
