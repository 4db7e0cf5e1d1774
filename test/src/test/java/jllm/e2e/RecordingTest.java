package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jllm.cuda.TestDevice;
import jllm.format.ModelFile;
import jllm.format.model.ModelFiles;
import jllm.model.Batch;
import jllm.model.CacheTypes;
import jllm.model.KvCache;
import jllm.model.TokenSteps;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Memory;
import jllm.tensor.Recording;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.cuda.MatrixMath;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Steps that a device wrote down and does again. */
class RecordingTest {
  private static final int[] PROMPT = {1, 15, 7, 3, 200, 42, 42, 9, 11, 100, 30};
  private static final int STEPS = 7;

  private static CudaBackend withoutGraphs() {
    Map<String, String> environment = new HashMap<>(TestDevice.environment());
    environment.put("JLLM_CUDA_GRAPHS", "off");
    return CudaBackend.open(0, MatrixMath.F32, environment);
  }

  /** To the bit, also where other steps come between and use memory of their own. */
  @ParameterizedTest
  @CsvSource({
    "llama-Q4_K_M.gguf, F32",
    "llama-Q4_K_M.gguf, BF16",
    "llama-BF16.gguf, Q8_0",
    "qwen2-f32.gguf, F16",
    "gpt2-f32.gguf, F32",
    "mixtral-f32.gguf, F32"
  })
  void recordedStepsGiveTheLogitsOfPlainOnes(String name, DType cache) throws IOException {
    List<float[]> expected;
    try (CudaBackend plain = withoutGraphs()) {
      expected = logits(name, cache, plain, false);
    }
    List<float[]> found = logits(name, cache, TestDevice.backend(), true);
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), found.get(i), name + ", step " + i);
    }
  }

  private static List<float[]> logits(String name, DType type, Backend backend, boolean records)
      throws IOException {
    List<float[]> logits = new ArrayList<>();
    try (ModelFile file = ModelFiles.open(Fixtures.model(name));
        Transformer model = Transformer.of(file.weights(), backend);
        KvCache cache = model.newCache(64, CacheTypes.of(type), PROMPT.length);
        Batch prompt = Batch.continuing(cache, PROMPT.length);
        Exec exec = new Exec(backend);
        TokenSteps steps = new TokenSteps(model, backend, cache)) {
      assertThrows(IllegalArgumentException.class, () -> steps.run(1 << 20));
      for (int round = 0; round < 2; round++) {
        exec.reset();
        model.hidden(exec, prompt.fill(PROMPT, 0, PROMPT.length - 3 * round, 1));
        cache.advance(PROMPT.length - 3 * round);
        for (int i = 0; i < STEPS; i++) {
          Tensor one = steps.run(PROMPT[(round + 3 * i) % PROMPT.length]);
          logits.add(one.segment().toArray(ValueLayout.JAVA_FLOAT));
          assertEquals(records && (round > 0 || i >= 2), steps.isRecording(), name);
        }
      }
      cache.truncate(PROMPT.length + 2);
      logits.add(steps.run(5).segment().toArray(ValueLayout.JAVA_FLOAT));
    }
    return logits;
  }

  /** What cannot be written down is not, and everything goes on. */
  @Test
  void aStepThatWaitsIsNotRecorded() {
    CudaBackend backend = TestDevice.backend();
    assertTrue(backend.records());
    try (Arena arena = Arena.ofConfined();
        Memory memory = backend.memory()) {
      Tensor x = memory.tensor(DType.F32, Shape.of(1, 64));
      MemorySegment host = arena.allocate(256, 64).fill((byte) 0);
      assertNull(backend.record(() -> backend.upload(x, host)), "a copy from the host");
      assertNull(backend.record(() -> backend.download(host, x)), "a copy to the host");
      assertNull(backend.record(backend::synchronize), "waiting");
      assertNull(
          backend.record(() -> {
            try (Memory more = backend.memory()) {
              more.tensor(DType.F32, Shape.of(1 << 20, 37));
            }
          }),
          "allocating");
      backend.scale(x, x, 2); // loads the kernel, which could not be done while recording
      host.set(ValueLayout.JAVA_FLOAT, 0, 3);
      backend.upload(x, host);
      Recording doubling = backend.record(() -> backend.scale(x, x, 2));
      assertNotNull(doubling);
      backend.download(host, x);
      assertEquals(3, host.get(ValueLayout.JAVA_FLOAT, 0), "written down, not done");
      doubling.replay();
      doubling.replay();
      backend.download(host, x);
      assertEquals(12, host.get(ValueLayout.JAVA_FLOAT, 0));
      doubling.close();
    }
  }

  @Test
  void graphsCanBeTurnedOff() {
    try (CudaBackend plain = withoutGraphs()) {
      assertFalse(plain.records());
      assertNull(plain.record(() -> {}));
    }
  }
}
