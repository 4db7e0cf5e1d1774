package jllm.generate.chat;

import jllm.generate.Generation;

/**
 * An answer.
 *
 * @param text what the model said, without space around it; empty if it was stopped before it said
 *     anything, and then the conversation is as it was before
 * @param leftOut messages that the model did not see any more from this turn on, since the context
 *     had no room for them
 * @param length tokens in the context behind the answer
 */
public record ChatTurn(String text, Generation generation, int leftOut, int length) {}
