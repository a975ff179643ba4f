/* Quantises a model and computes with it, as a Pi does: an instruction that it lacks ends this.
 *
 *   gate MODEL.gguf FOLDER     FOLDER takes a file of some megabytes
 *
 * Each type of a bundle has code of its own; a prompt is computed many tokens at a time, a reply
 * one after the other. Status 0: all of it ran.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llama.h"

static const enum llama_ftype TYPES[] = {
    LLAMA_FTYPE_MOSTLY_F16,    LLAMA_FTYPE_MOSTLY_Q8_0,   LLAMA_FTYPE_MOSTLY_Q6_K,
    LLAMA_FTYPE_MOSTLY_Q5_0,   LLAMA_FTYPE_MOSTLY_Q4_0,   LLAMA_FTYPE_MOSTLY_Q5_K_M,
    LLAMA_FTYPE_MOSTLY_Q4_K_M, LLAMA_FTYPE_MOSTLY_IQ4_NL,
};

static void quiet(enum ggml_log_level level, const char *text, void *nobody) {
    (void)nobody;
    if (level >= GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
}

static int fail(const char *what, int type) {
    fprintf(stderr, "gate: file type %d: %s\n", type, what);
    return 1;
}

static int compute(const char *path, int type) {
    struct llama_model *model = llama_model_load_from_file(path, llama_model_default_params());
    if (!model) return fail("does not load", type);
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = params.n_batch = 128;
    params.n_threads = params.n_threads_batch = 2;
    struct llama_context *context = llama_init_from_model(model, params);
    if (!context) return fail("no context", type);
    const struct llama_vocab *vocab = llama_model_get_vocab(model);
    const char *said = "The balloon is above the clouds, and the sky is nearly black.";
    llama_token tokens[64];
    int count = llama_tokenize(vocab, said, strlen(said), tokens, 64, true, true);
    if (count < 8) return fail("no tokens", type);
    for (int step = 0; step < 4; step++) {
        if (llama_decode(context, llama_batch_get_one(tokens, count)))
            return fail("does not compute", type);
        const float *logits = llama_get_logits_ith(context, -1);
        int best = 0, size = llama_vocab_n_tokens(vocab);
        for (int token = 0; token < size; token++) {
            if (!isfinite(logits[token])) return fail("computes no number", type);
            if (logits[token] > logits[best]) best = token;
        }
        tokens[0] = best;
        count = 1;
    }
    llama_free(context);
    llama_model_free(model);
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 3) return fail("usage: gate MODEL.gguf FOLDER", -1);
    char path[4096];
    snprintf(path, sizeof path, "%s/quantised.gguf", argv[2]);
    llama_log_set(quiet, NULL);
    llama_backend_init();
    for (size_t at = 0; at < sizeof TYPES / sizeof *TYPES; at++) {
        struct llama_model_quantize_params params = llama_model_quantize_default_params();
        params.ftype = TYPES[at];
        params.allow_requantize = true;
        params.nthread = 2;
        if (llama_model_quantize(argv[1], path, &params))
            return fail("does not quantise", TYPES[at]);
        int status = compute(path, TYPES[at]);
        if (status) return status;
    }
    return 0;
}
