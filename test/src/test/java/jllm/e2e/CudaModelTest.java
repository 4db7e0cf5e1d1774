package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Map;
import jllm.cuda.TestDevice;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.model.Batch;
import jllm.model.KvCache;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Memory;
import jllm.tensor.OffloadingBackend;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.cuda.DeviceMemoryException;
import jllm.tensor.cuda.DeviceUnavailableException;
import jllm.tensor.cuda.MatrixMath;
import jllm.tensor.scalar.ScalarBackend;
import jllm.train.BatchOptions;
import jllm.train.Horizon;
import jllm.train.ScheduleOptions;
import jllm.train.StepLosses;
import jllm.train.TrainOptions;
import jllm.train.TrainedWeights;
import jllm.train.model.ModelShape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole models on a CUDA device against the oracle, and what happens when a device cannot. */
class CudaModelTest {
  private static final int[] TOKENS = {1, 15, 7, 3, 200, 42, 42, 9, 11, 100, 30};
  private static final long MORE_THAN_A_DEVICE_HAS = 1L << 46;

  /** A prompt at once, then tokens one by one. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "llama-f32.gguf",
        "llama-BF16.gguf",
        "llama-Q4_K_M.gguf",
        "gpt2-f32.gguf",
        "qwen2-f32.gguf",
        "mixtral-f32.gguf"
      })
  void logitsAreThoseOfTheOracle(String name) throws IOException {
    float[] device = logits(name, TestDevice.backend());
    try (Backend oracle = new ScalarBackend(DType.F32)) {
      double error = LogitsTest.relativeError(device, logits(name, oracle));
      assertTrue(error <= 1e-3, name + ": " + error);
    }
  }

  /** Prompts whose operands are rounded, those of experts too. */
  @Test
  void logitsOfExpertsWithRoundedOperandsAreNearThoseOfTheOracle() throws IOException {
    String name = "mixtral-f32.gguf";
    float[] device = logits(name, TestDevice.rounding());
    try (Backend oracle = new ScalarBackend(DType.F32)) {
      double error = LogitsTest.relativeError(device, logits(name, oracle));
      assertTrue(error <= 2e-2 && error > 1e-5, name + ": " + error);
    }
  }

  /** However many blocks are on the device. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 100})
  void logitsDoNotDependOnWhereBlocksAre(int count) throws IOException {
    try (Backend host = new ScalarBackend(DType.F32);
        Backend both = new OffloadingBackend(host, TestDevice.backend(), count)) {
      for (String name : new String[] {"llama-Q4_K_M.gguf", "gpt2-f32.gguf", "mixtral-f32.gguf"}) {
        double error = LogitsTest.relativeError(logits(name, both), logits(name, host));
        assertTrue(error <= 1e-3, name + ": " + error);
      }
    }
  }

  /** Texts beside each other, one of them a copy of the other's cache. */
  @Test
  void cachesOfDividedModelsAreCopied() throws IOException {
    try (Backend host = new ScalarBackend(DType.F32);
        Backend both = new OffloadingBackend(host, TestDevice.backend(), 1);
        ModelFile file = ModelFiles.open(Fixtures.model("llama-f32.gguf"));
        Transformer model = Transformer.of(file.weights(), both);
        KvCache first = model.newCache(TOKENS.length + 1);
        KvCache second = model.newCache(TOKENS.length + 1);
        Batch prompt = Batch.continuing(first, TOKENS.length);
        Batch steps = Batch.sideBySide(2);
        Exec exec = new Exec(both)) {
      model.hidden(exec, prompt.fill(TOKENS, 0, TOKENS.length, 1));
      first.advance(TOKENS.length);
      second.copy(first, 0, both);
      exec.reset();
      KvCache[] caches = {first, second};
      Tensor logits = model.logits(exec, model.hidden(exec, steps.fill(caches, new int[] {5, 5})));
      int vocabulary = logits.columns();
      float[] all = logits.segment().toArray(ValueLayout.JAVA_FLOAT);
      assertArrayEquals(
          Arrays.copyOfRange(all, 0, vocabulary),
          Arrays.copyOfRange(all, vocabulary, 2 * vocabulary));
    }
  }

  private static float[] logits(String name, Backend backend) throws IOException {
    try (ModelFile file = ModelFiles.open(Fixtures.model(name));
        Transformer model = Transformer.of(file.weights(), backend);
        KvCache cache = model.newCache(TOKENS.length + 2);
        Batch batch = Batch.continuing(cache, TOKENS.length);
        Exec exec = new Exec(backend)) {
      Tensor hidden = model.hidden(exec, batch.fill(TOKENS, 0, TOKENS.length, 1));
      cache.advance(TOKENS.length);
      Tensor last = exec.lastRow(hidden);
      for (int i = 0; i < 2; i++) {
        exec.reset();
        last = model.hidden(exec, batch.fill(TOKENS, i, 1, 1));
        cache.advance(1);
      }
      return exec.onHost(model.logits(exec, last)).segment().toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  /** Weights are filled by several threads, and go to the device. */
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  void newModelsAreTrained(DType type) {
    ModelConfig config = ModelShape.llama(1, 2, 1, 64, 128, 32, true).config(300);
    TrainOptions options =
        TrainOptions.of(
                new BatchOptions(2, 16, 1), new Horizon.Steps(1), ScheduleOptions.constant(1e-3))
            .withWeightType(type);
    double[] losses = new double[2];
    Backend[] backends = {new ScalarBackend(DType.F32), TestDevice.backend()};
    for (int i = 0; i < losses.length; i++) {
      try (TrainedWeights weights = TrainedWeights.random(config, type, 1, backends[i])) {
        double[] steps = StepLosses.of(weights.onHost(), backends[i], options, 3);
        assertTrue(steps[2] < steps[0], Arrays.toString(steps));
        losses[i] = steps[2];
      }
    }
    assertEquals(losses[0], losses[1], type == DType.F32 ? 1e-3 : 1e-2);
  }

  @Test
  void afterRunningOutOfMemoryTheDeviceIsUsable() {
    CudaBackend backend = TestDevice.backend();
    try (Memory memory = backend.memory()) {
      DeviceMemoryException error =
          assertThrows(DeviceMemoryException.class, () -> memory.reserve(MORE_THAN_A_DEVICE_HAS));
      String message = String.valueOf(error.getMessage());
      assertTrue(message.contains((MORE_THAN_A_DEVICE_HAS >> 20) + " MiB were asked for"), message);
      assertTrue(message.contains("free"), message);
      Tensor x = memory.tensor(DType.F32, Shape.of(3, 5));
      backend.training().fill(x, 2);
      assertEquals(60, backend.training().sumOfSquares(x));
    }
  }

  @Test
  void deviceNumbersThatDoNotExistAreNamed() {
    Map<String, String> environment = TestDevice.environment();
    DeviceUnavailableException error =
        assertThrows(
            DeviceUnavailableException.class,
            () -> CudaBackend.open(77, MatrixMath.F32, environment));
    assertTrue(String.valueOf(error.getMessage()).contains("no CUDA device 77"));
  }
}
