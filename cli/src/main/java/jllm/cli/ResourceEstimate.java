package jllm.cli;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import jllm.bench.MemoryNeed;
import jllm.bench.SpeedLimit;
import jllm.format.ModelFile;
import jllm.tensor.cpu.MachineLimits;
import org.jspecify.annotations.Nullable;

/**
 * What generating with a model takes on this machine, for people or as JSON.
 *
 * @param limits of this machine, absent if they were not measured
 */
record ResourceEstimate(ModelFile model, int context, @Nullable MachineLimits limits) {
  /** Tokens of a prompt that are computed at once. */
  private static final int BATCH = 512;

  Map<String, String> text() {
    Map<String, String> lines = new LinkedHashMap<>();
    MemoryNeed memory = MemoryNeed.of(model, context, BATCH);
    lines.put(
        "memory",
        String.format(
            Locale.ROOT,
            "%s: weights %s, cache of %,d positions %s, activations about %s",
            Memory.show(memory.total()),
            Memory.show(memory.weights()),
            context,
            Memory.show(memory.cache()),
            Memory.show(memory.activations())));
    if (limits != null) {
      SpeedLimit speed = speed(limits);
      lines.put(
          "decoding",
          String.format(
              Locale.ROOT,
              "at most %s tokens/s, %s with all positions taken (%.1f GB/s from memory)",
              rate(speed.decode()),
              rate(speed.decodeAtContext()),
              limits.readBytesPerSecond() / 1e9));
      lines.put(
          "prompt",
          String.format(
              Locale.ROOT,
              "at most %s tokens/s (%.0f GFLOP/s in float32); 'jllm bench' measures both",
              rate(speed.prefill()),
              limits.flops() / 1e9));
    }
    return lines;
  }

  Map<String, Object> json() {
    Map<String, Object> values = new LinkedHashMap<>();
    MemoryNeed memory = MemoryNeed.of(model, context, BATCH);
    values.put("context", context);
    values.put("weight_bytes", memory.weights());
    values.put("cache_bytes", memory.cache());
    values.put("activation_bytes", memory.activations());
    if (limits != null) {
      SpeedLimit speed = speed(limits);
      values.put("read_bytes_per_second", limits.readBytesPerSecond());
      values.put("flops", limits.flops());
      values.put("decode_tokens_per_second_at_most", speed.decode());
      values.put("decode_tokens_per_second_at_most_with_full_context", speed.decodeAtContext());
      values.put("prompt_tokens_per_second_at_most", speed.prefill());
    }
    return values;
  }

  private SpeedLimit speed(MachineLimits limits) {
    return SpeedLimit.of(model, limits, context, Math.min(BATCH, context));
  }

  private static String rate(double tokens) {
    return String.format(Locale.ROOT, tokens < 100 ? "%.1f" : "%,.0f", tokens);
  }
}
