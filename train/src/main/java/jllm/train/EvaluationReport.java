package jllm.train;

/**
 * A measurement on the validation data.
 *
 * @param step before which the model was measured; the number of steps at the end
 * @param loss mean cross-entropy in nats a token
 * @param bitsPerByte of the text that the tokens stand for; NaN where that is not known
 * @param tokens measured on
 * @param best whether no loss before was less
 */
public record EvaluationReport(
    long step, double loss, double bitsPerByte, long tokens, boolean best) {}
