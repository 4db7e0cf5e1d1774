package jllm.tensor;

import org.jspecify.annotations.Nullable;

/**
 * Attention over whole sequences that are all in the step: N rows are {@code sequences} sequences
 * of T = N / sequences, one after the other; row {@code s*T + t} is position t of sequence s, in
 * queries, keys and values alike.
 *
 * @param spec heads, scale, cap, window
 * @param starts I32 [N]: for each row, the first position of its document inside its sequence;
 *     positions before it are not seen. Absent = documents see those before them. Only with causal
 *     attention.
 * @param dropout of the attention weights, after the softmax; the weight of row n, head h and key
 *     position j has the row {@code n*H + h} and the column j
 */
public record TrainingAttention(
    AttentionSpec spec, int sequences, @Nullable Tensor starts, @Nullable Dropout dropout) {
  public TrainingAttention {
    if (starts != null && !spec.causal()) {
      throw new IllegalArgumentException(
          "documents that do not see each other need causal attention");
    }
  }
}
