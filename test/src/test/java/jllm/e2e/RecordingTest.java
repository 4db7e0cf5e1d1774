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
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jllm.cuda.TestDevice;
import jllm.format.AttentionConfig;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.WeightSource;
import jllm.format.model.ModelFiles;
import jllm.format.model.ModelSizes;
import jllm.format.model.RandomWeights;
import jllm.model.Batch;
import jllm.model.CacheTypes;
import jllm.model.GroupSteps;
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
import jllm.tensor.TokenChoice;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.cuda.MatrixMath;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Steps that a device wrote down and does again. */
class RecordingTest {
  private static final int[] PROMPT = {1, 15, 7, 3, 200, 42, 42, 9, 11, 100, 30};
  private static final int STEPS = 7;
  private static final int TEXT = 32;

  /** Each so many tokens of a text one is not what the model thinks best. */
  private static final int FORCED = 5;

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

  /**
   * Steps that are started before the host knows their token, and forgotten, leave nothing behind:
   * also where a window slides.
   */
  @ParameterizedTest
  @ValueSource(ints = {0, 6})
  void aStepAheadCanBeForgotten(int window) {
    ModelConfig config = sliding(window);
    List<float[]> expected = new ArrayList<>();
    List<Integer> tokens = new ArrayList<>();
    try (CudaBackend plain = withoutGraphs();
        RandomWeights weights = new RandomWeights(config, DType.F32, 3);
        Transformer model = Transformer.of(weights, plain);
        KvCache cache = model.newCache(TEXT, CacheTypes.of(DType.F32), 4);
        TokenSteps steps = new TokenSteps(model, plain, cache)) {
      assertFalse(steps.chooses());
      for (int i = 0; i < TEXT; i++) {
        int token = i % FORCED == 0 ? i : best(expected.getLast());
        tokens.add(token);
        expected.add(steps.run(token).segment().toArray(ValueLayout.JAVA_FLOAT));
      }
    }
    Backend backend = TestDevice.backend();
    try (RandomWeights weights = new RandomWeights(config, DType.F32, 3);
        Transformer model = Transformer.of(weights, backend);
        KvCache cache = model.newCache(TEXT, CacheTypes.of(DType.F32), 4);
        TokenSteps steps = new TokenSteps(model, backend, cache)) {
      for (int i = 0; i < TEXT; i++) {
        boolean forced = i % FORCED == 0;
        if (forced && i > 0) {
          assertEquals(i + 1, cache.length());
          steps.forget(); // It ran with the best token.
        }
        if (forced) {
          steps.start(tokens.get(i), TokenChoice.BEST);
        }
        assertEquals(i + 1, cache.length());
        if (i < TEXT - 1) {
          steps.startNext(TokenChoice.BEST);
        }
        assertEquals(best(expected.get(i)), steps.await(), "window " + window + ", step " + i);
      }
      assertThrows(IllegalArgumentException.class, () -> steps.startNext(TokenChoice.BEST), "full");
      assertArrayEquals(
          expected.getLast(), steps.logits().segment().toArray(ValueLayout.JAVA_FLOAT));
    }
  }

  /** Sequences side by side, in groups that change: to the bit what they are unrecorded. */
  @ParameterizedTest
  @CsvSource({
    "llama-Q4_K_M.gguf, F32",
    "llama-BF16.gguf, Q8_0",
    "gpt2-f32.gguf, F16",
    "mixtral-f32.gguf, F32"
  })
  void recordedGroupsGiveTheLogitsOfPlainOnes(String name, DType cache) throws IOException {
    int[][] groups = {{0, 1, 2}, {0, 2}, {3, 1, 2}, {1}, {2, 0, 3}};
    try (CudaBackend plain = withoutGraphs();
        ModelFile file = ModelFiles.open(Fixtures.model(name))) {
      sameGroups(file.weights(), cache, groups, plain);
    }
  }

  /** More sequences than the kernels of few rows take. */
  @Test
  void largeGroupsOfAModelThatSlides() {
    int[] all = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    int[][] groups = {all, {4, 7}, all, all};
    try (CudaBackend plain = withoutGraphs();
        RandomWeights weights = new RandomWeights(sliding(6), DType.F32, 3)) {
      sameGroups(weights, DType.F32, groups, plain);
    }
  }

  private static void sameGroups(
      WeightSource weights, DType type, int[][] groups, CudaBackend plain) {
    List<float[]> expected = groupLogits(weights, type, groups, plain, false);
    List<float[]> found = groupLogits(weights, type, groups, TestDevice.backend(), true);
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), found.get(i), "step " + i);
    }
  }

  /** Each group takes some steps, so that the later ones are replayed. */
  private static List<float[]> groupLogits(
      WeightSource weights, DType type, int[][] groups, Backend backend, boolean records) {
    List<float[]> logits = new ArrayList<>();
    int places = 1 + Arrays.stream(groups).flatMapToInt(Arrays::stream).max().getAsInt();
    KvCache[] caches = new KvCache[places];
    try (Transformer model = Transformer.of(weights, backend);
        Exec exec = new Exec(backend);
        GroupSteps steps = new GroupSteps(model, backend, places)) {
      int vocabulary = model.config().vocabularySize();
      for (int place = 0; place < places; place++) {
        caches[place] = model.newCache(TEXT, CacheTypes.of(type), 4);
        try (Batch prompt = Batch.continuing(caches[place], 4)) {
          for (int part = 0; part < 1 + place % 3; part++) {
            exec.reset();
            int count = 1 + (place + part) % 4;
            int[] tokens = {3 + place, 7, 9 + part, 11};
            model.hidden(exec, prompt.fill(tokens, 0, count, 1));
            caches[place].advance(count);
          }
        }
      }
      for (int[] group : groups) {
        for (int i = 0; i < 4; i++) {
          KvCache[] used = new KvCache[group.length];
          int[] tokens = new int[group.length];
          for (int s = 0; s < used.length; s++) {
            used[s] = caches[group[s]];
            tokens[s] = (17 * group[s] + 5 * i + 1) % vocabulary;
          }
          Tensor rows = steps.run(used, tokens);
          logits.add(rows.segment().toArray(ValueLayout.JAVA_FLOAT));
          assertTrue(!records || i < 2 || steps.isRecording());
          assertTrue(records || !steps.isRecording());
        }
      }
      assertThrows(
          IllegalArgumentException.class,
          () -> steps.run(new KvCache[] {caches[0]}, new int[] {vocabulary}));
    } finally {
      for (KvCache cache : caches) {
        if (cache != null) {
          cache.close();
        }
      }
    }
    return logits;
  }

  private static int best(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best;
  }

  /** A model with a window in two of three layers; 0 = in none. */
  private static ModelConfig sliding(int window) {
    ModelConfig all = ModelSizes.dense(60, TEXT, 32, 3, 4, 2, 48).config("llama");
    AttentionConfig attention = all.attention();
    return new ModelConfig(
        all.architecture(),
        all.vocabularySize(),
        all.contextLength(),
        all.width(),
        all.layers(),
        new AttentionConfig(
            attention.heads(),
            attention.kvHeads(),
            attention.headDim(),
            attention.scale(),
            attention.softCap(),
            window,
            3,
            attention.queryKeyNorm(),
            attention.inputBias(),
            attention.outputBias()),
        all.feedForward(),
        all.norm(),
        all.position(),
        all.multipliers(),
        all.parallelResidual(),
        all.tiedOutput());
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
