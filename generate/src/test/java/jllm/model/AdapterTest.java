package jllm.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import java.util.List;
import jllm.format.ModelConfig;
import jllm.format.WeightSource;
import jllm.format.lora.LoraAdapter;
import jllm.format.lora.MergedWeights;
import jllm.format.lora.ScaledAdapter;
import jllm.format.model.ModelSizes;
import jllm.format.model.RandomWeights;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import jllm.tensor.cpu.CpuKernels;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models with adapters beside the same models without, and with the adapters folded in. */
class AdapterTest {
  private static final long SEED = Long.getLong("jllm.model.seed", 20_240_302);
  private static final int[] TOKENS = {1, 5, 9, 2, 8};

  private static ModelConfig config(String architecture) {
    return architecture.equals("gpt2") || architecture.equals("gptneox")
        ? ModelSizes.dense(13, 8, 256, 2, 4, 4, 512).config(architecture)
        : ModelSizes.dense(13, 8, 256, 2, 4, 2, 512).config(architecture);
  }

  /** The logits of the last token, which comes after the others in a step of its own. */
  private static float[] logits(
      WeightSource source, Backend backend, List<ScaledAdapter> adapters) {
    try (Transformer model =
            adapters.isEmpty()
                ? Transformer.of(source, backend)
                : Transformer.of(source, backend, adapters);
        KvCache cache = model.newCache(8);
        Batch batch = Batch.continuing(cache, TOKENS.length);
        Exec exec = new Exec(backend)) {
      model.hidden(exec, batch.fill(TOKENS, 0, TOKENS.length - 1, 1));
      cache.advance(TOKENS.length - 1);
      exec.reset();
      Tensor hidden = model.hidden(exec, batch.fill(TOKENS, TOKENS.length - 1, 1, 1));
      Tensor logits = model.logits(exec, exec.lastRow(hidden));
      long bytes = Tensor.byteSize(DType.F32, logits.shape());
      return logits.segment().asSlice(0, bytes).toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "llama, F32",
    "llama, Q8_0",
    "llama, Q4_K",
    "llama, BF16",
    "gpt2, F32",
    "phi3, Q4_0",
    "gptneox, F16"
  })
  void anAdapterOfZeroChangesNoBit(String architecture, DType type) {
    try (Backend backend = CpuKernels.VECTOR.open(2);
        RandomWeights base = new RandomWeights(config(architecture), type, SEED);
        LoraAdapter adapter = Adapters.random(base, 5, DType.F32, 0, SEED)) {
      float[] expected = logits(base, backend, List.of());
      float[] found = logits(base, backend, List.of(new ScaledAdapter(adapter, 1)));
      assertArrayEquals(expected, found);
    }
  }

  @ParameterizedTest
  @CsvSource({"llama, F32", "llama, BF16", "gpt2, F32", "gptneox, F32", "phi3, F16", "gemma2, F32"})
  void foldedInIsTheSame(String architecture, DType type) {
    try (Backend backend = CpuKernels.VECTOR.open(2);
        RandomWeights base = new RandomWeights(config(architecture), type, SEED);
        LoraAdapter one = Adapters.random(base, 5, DType.F32, 0.05, SEED);
        LoraAdapter other = Adapters.random(base, 16, DType.F32, 0.05, SEED + 1)) {
      List<ScaledAdapter> both =
          List.of(new ScaledAdapter(one, 1), new ScaledAdapter(other, -0.5f));
      float[] plain = logits(base, backend, List.of());
      float[] changed = logits(base, backend, both);
      try (MergedWeights merged = new MergedWeights(base, both, false)) {
        float[] folded = logits(merged, backend, List.of());
        double difference = 0;
        for (int i = 0; i < plain.length; i++) {
          assertEquals(folded[i], changed[i], 1e-4, architecture + " seed " + SEED);
          difference = Math.max(difference, Math.abs(plain[i] - changed[i]));
        }
        assertTrue(difference > 1e-2, "the adapters change nothing, seed " + SEED);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"llama, Q8_0", "llama, F32"})
  void severalAddUp(String architecture, DType type) {
    try (Backend backend = CpuKernels.VECTOR.open(2);
        RandomWeights base = new RandomWeights(config(architecture), type, SEED);
        LoraAdapter adapter = Adapters.random(base, 4, DType.F32, 0.05, SEED)) {
      float[] once = logits(base, backend, List.of(new ScaledAdapter(adapter, 1)));
      float[] parts =
          logits(
              base,
              backend,
              List.of(new ScaledAdapter(adapter, 0.75f), new ScaledAdapter(adapter, 0.25f)));
      assertArrayEquals(once, parts, 1e-4f);
      float[] cancelled =
          logits(
              base,
              backend,
              List.of(new ScaledAdapter(adapter, 1), new ScaledAdapter(adapter, -1)));
      assertArrayEquals(logits(base, backend, List.of()), cancelled, 1e-4f);
    }
  }
}
