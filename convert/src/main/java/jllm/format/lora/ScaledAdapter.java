package jllm.format.lora;

/**
 * An adapter in use.
 *
 * @param factor on what it changes: 1 = as it was trained
 */
public record ScaledAdapter(LoraAdapter adapter, float factor) {}
