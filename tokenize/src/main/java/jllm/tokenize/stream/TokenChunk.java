package jllm.tokenize.stream;

import jllm.tokenize.TokenBuffer;

/**
 * Tokens of a part of a text, or of all of it.
 *
 * @param text holds the part
 * @param from where the part begins in {@code text}
 * @param to where it ends
 * @param offset of the part's first byte in the text
 * @param tokens of the part; ranges, where asked for, are relative to the part
 * @param first whether the text begins here
 * @param last whether the text ends here
 */
public record TokenChunk(
    byte[] text, int from, int to, long offset, TokenBuffer tokens, boolean first, boolean last) {}
