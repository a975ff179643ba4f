"""llama.cpp's own importance matrix: what its llama-imatrix collects, from its own graph.

The tool is not in the Python package. Its collector is a callback of llama.cpp's scheduler, which
is; this one does what tools/imatrix/imatrix.cpp (llama_cpp_python 0.3.36) does on a CPU: for every
matrix product with a weight of a block and at least 16 columns, the squares of the input are added
up, over chunks of 512 tokens of plain text.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

CHUNK_TOKENS = 512
COLUMNS_MIN = 16
_QUIET = llama_cpp.llama_log_callback(lambda level, text, data: None)  # kept: llama.cpp calls it


class Tensor(ctypes.Structure):
    """ggml_tensor of ggml.h, as vendored by llama_cpp_python 0.3.36."""


Tensor._fields_ = [
    ("type", ctypes.c_int), ("buffer", ctypes.c_void_p), ("ne", ctypes.c_int64 * 4),
    ("nb", ctypes.c_size_t * 4), ("op", ctypes.c_int), ("op_params", ctypes.c_int32 * 16),
    ("flags", ctypes.c_int32), ("src", ctypes.POINTER(Tensor) * 10),
    ("view_src", ctypes.c_void_p), ("view_offs", ctypes.c_size_t), ("data", ctypes.c_void_p),
    ("name", ctypes.c_char * 64), ("extra", ctypes.c_void_p), ("padding", ctypes.c_char * 8),
]


def importance(model_file: Path, text: str) -> dict[str, np.ndarray]:
    """Weight name -> (n_in,) mean square of the input, as llama-imatrix has it for ``text``."""
    sums: dict[str, np.ndarray] = {}
    counts: dict[str, int] = {}

    def collect(address: int, is_asked: bool, data: Any) -> bool:
        tensor = Tensor.from_address(address)
        if not (tensor.src[0] and tensor.src[1]):
            return False
        weight, given = tensor.src[0].contents, tensor.src[1].contents
        name = weight.name.decode()
        is_wanted: bool = (
            name.startswith("blk.") and name.endswith(".weight") and weight.ne[1] > 1
            and given.type == 0 and given.ne[1] >= COLUMNS_MIN)
        if is_asked or not is_wanted:
            return is_wanted
        n_tokens, n_in = given.ne[1], given.ne[0]
        raw = (ctypes.c_float * (n_tokens * n_in)).from_address(given.data)
        x = np.frombuffer(raw, np.float32).reshape(n_tokens, n_in).astype(np.float64)
        sums[name] = sums.get(name, 0) + (x * x).sum(0)
        counts[name] = counts.get(name, 0) + n_tokens
        return True

    _decode(model_file, text, llama_cpp.ggml_backend_sched_eval_callback(collect))
    return {name: (sums[name] / counts[name]).astype(np.float32) for name in sums}


def _decode(model_file: Path, text: str, collect: Any) -> None:
    """All whole chunks of ``text``, each from an empty memory."""
    llama_cpp.llama_log_set(_QUIET, None)
    model = llama_cpp.llama_model_load_from_file(
        str(model_file).encode(), llama_cpp.llama_model_default_params())
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = CHUNK_TOKENS
    params.n_threads = params.n_threads_batch = 1
    params.cb_eval = collect
    context = llama_cpp.llama_init_from_model(model, params)
    vocab = llama_cpp.llama_model_get_vocab(model)
    data = text.encode()
    room = (llama_cpp.llama_token * (len(data) + 8))()
    n = llama_cpp.llama_tokenize(vocab, data, len(data), room, len(room), True, True)
    assert n >= CHUNK_TOKENS, n
    batch = llama_cpp.llama_batch_init(CHUNK_TOKENS, 0, 1)
    batch.n_tokens = CHUNK_TOKENS
    for start in range(0, n - CHUNK_TOKENS + 1, CHUNK_TOKENS):
        for at in range(CHUNK_TOKENS):
            batch.token[at], batch.pos[at] = room[start + at], at
            batch.n_seq_id[at], batch.seq_id[at][0] = 1, 0
            batch.logits[at] = True  # else the last block would be evaluated for one token alone
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        status = llama_cpp.llama_decode(context, batch)
        assert status == 0, status
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
