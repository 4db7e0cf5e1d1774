package jllm.cli;

import jllm.format.ModelFile;
import jllm.model.CacheTypes;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tokenize.Tokenizer;

/**
 * All that a text is generated with.
 *
 * @param context positions of a sequence
 * @param types of the cache
 */
record Loaded(
    ModelFile file,
    Transformer model,
    Backend backend,
    Tokenizer tokenizer,
    int context,
    CacheTypes types,
    long loadNanos) {}
