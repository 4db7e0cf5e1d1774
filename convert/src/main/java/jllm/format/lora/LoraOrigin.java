package jllm.format.lora;

import org.jspecify.annotations.Nullable;

/**
 * What an adapter says of its training.
 *
 * @param base name or path of the model that it was trained on, absent if it does not say
 * @param fingerprint of that model, see {@link Fingerprint}; absent if it does not say
 * @param dropout probability that components of its inputs were dropped with
 */
public record LoraOrigin(@Nullable String base, @Nullable String fingerprint, double dropout) {
  public static final LoraOrigin UNKNOWN = new LoraOrigin(null, null, 0);
}
