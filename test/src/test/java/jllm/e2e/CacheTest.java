package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.stream.Stream;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.model.Batch;
import jllm.model.KvCache;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Tensor;
import jllm.tensor.cpu.VectorBackend;
import jllm.tensor.scalar.ScalarBackend;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A text gives the same logits however it is cut into steps. */
class CacheTest {

  static Stream<String> models() {
    return Fixtures.GGUF.stream();
  }

  @ParameterizedTest
  @MethodSource("models")
  void aPromptMayBeSplitAnywhereScalar(String model) throws IOException {
    assertSplitsAgree(model, new ScalarBackend(DType.F32), 1e-5);
  }

  /** Rows of a batch and single rows may take kernels that round differently. */
  @ParameterizedTest
  @MethodSource("models")
  void aPromptMayBeSplitAnywhereVector(String model) throws IOException {
    assertSplitsAgree(model, new VectorBackend(2), model.endsWith("f32") ? 1e-5 : 5e-2);
  }

  private static void assertSplitsAgree(String model, Backend backend, double tolerance)
      throws IOException {
    int[] tokens = Stream.of(Fixtures.IDS.split(" ")).mapToInt(Integer::parseInt).toArray();
    try (backend;
        ModelFile file = ModelFiles.open(Fixtures.model(model + ".gguf"));
        Transformer transformer = Transformer.of(file.weights(), backend);
        KvCache cache = transformer.newCache(tokens.length);
        Batch batch = Batch.continuing(cache, tokens.length);
        Exec exec = new Exec(backend)) {
      float[] whole = last(transformer, exec, batch, cache, tokens, 0, tokens.length);
      for (int split = 1; split < tokens.length; split++) {
        cache.truncate(0);
        last(transformer, exec, batch, cache, tokens, 0, split);
        float[] parts = last(transformer, exec, batch, cache, tokens, split, tokens.length - split);
        double error = LogitsTest.relativeError(parts, whole);
        assertTrue(error <= tolerance, model + " split at " + split + ": " + error);
      }
    }
  }

  /** The logits after the last of {@code count} tokens that go through the model at once. */
  private static float[] last(
      Transformer model, Exec exec, Batch batch, KvCache cache, int[] tokens, int from, int count) {
    exec.reset();
    Tensor hidden = model.hidden(exec, batch.fill(tokens, from, count, 1));
    cache.advance(count);
    return model.logits(exec, exec.lastRow(hidden)).segment().toArray(ValueLayout.JAVA_FLOAT);
  }
}
