package jllm.format.model;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.gguf.GgufValue;
import jllm.format.llama2c.Llama2cTokenizer;
import jllm.format.llama2c.RawLlama2c;
import jllm.format.pytorch.RawPytorch;
import jllm.tensor.DType;
import jllm.tensor.RopePairing;
import jllm.tensor.Tensor;
import jllm.tokenize.VocabularySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged files of every format: each is read, or refused by one of our exceptions. Nothing else is
 * thrown, nothing hangs, and nothing large is allocated. More of each with {@code
 * JLLM_FUZZ_ROUNDS=10000} in the environment.
 */
@Timeout(value = 1, unit = TimeUnit.HOURS)
class MutationTest {
  private static final int ROUNDS =
      Integer.parseInt(System.getenv().getOrDefault("JLLM_FUZZ_ROUNDS", "1000"));

  private static final long MAX_ALLOCATION = 32L << 20;
  private static final long[] NUMBERS = {
    0,
    1,
    2,
    3,
    13,
    31,
    255,
    256,
    -1,
    -2,
    1 << 16,
    Integer.MAX_VALUE,
    Integer.MIN_VALUE,
    0xFFFFFFFFL,
    1L << 32,
    1L << 40,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    Long.MAX_VALUE / 4
  };
  private static final List<String> TEXTS =
      List.of("-1", "0", "1e30", "null", "[]", "{}", "\"\"", "true", "4294967296", "NaN", "0.5");

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @TempDir Path folder;

  @FunctionalInterface
  private interface Reading {
    void read() throws IOException;
  }

  /** What a program does with a model: looks at all of it. */
  private static void readAll(Path path) throws IOException {
    try (ModelFile file = ModelFiles.open(path)) {
      assertNotNull(file.metadata().toString());
      file.parameters();
      VocabularySpec vocabulary = file.vocabulary();
      if (vocabulary != null) {
        vocabulary.ids();
      }
      ModelConfig config = file.config();
      WeightLayout.forEach(
          config,
          file.weights()::has,
          (name, _) -> {
            Tensor tensor = file.weights().tensor(name);
            tensor.segment().get(ValueLayout.JAVA_BYTE, tensor.segment().byteSize() - 1);
            file.weights().release(name);
          });
    }
  }

  private void mutate(byte[] good, Path path, int headerBytes, Reading reading) throws IOException {
    mutate(good, path, headerBytes, ROUNDS, reading);
  }

  private void mutate(byte[] good, Path path, int headerBytes, int rounds, Reading reading)
      throws IOException {
    Files.write(path, good);
    reading.read(); // the file itself is fine
    int refused = 0;
    for (int seed = 0; seed < rounds; seed++) {
      byte[] bad = mutated(good, headerBytes, new SplittableRandom(seed));
      Files.delete(path); // writing over it would make some file systems flush it
      Files.write(path, bad);
      long before = THREADS.getCurrentThreadAllocatedBytes();
      try {
        reading.read();
      } catch (ModelFormatException | IOException | UncheckedIOException e) {
        refused++;
        if (e.getMessage() == null || e.getMessage().isBlank()) {
          fail("no message; seed " + seed, e);
        }
      } catch (RuntimeException | Error e) {
        fail("seed " + seed, e);
      }
      long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
      if (allocated > MAX_ALLOCATION) {
        fail(allocated + " bytes allocated; seed " + seed);
      }
    }
    int share = refused;
    assertTrue(share > rounds / 4 && share < rounds, () -> share + " of " + rounds + " refused");
  }

  private static byte[] mutated(byte[] good, int headerBytes, SplittableRandom random) {
    byte[] bytes = good.clone();
    int changes = 1 + random.nextInt(3);
    for (int change = 0; change < changes; change++) {
      int at = random.nextInt(Math.min(headerBytes, bytes.length));
      switch (random.nextInt(6)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt(256);
        case 2 -> bytes = Arrays.copyOf(bytes, 1 + random.nextInt(bytes.length));
        case 3 -> number(bytes, at, NUMBERS[random.nextInt(NUMBERS.length)], random.nextBoolean());
        case 4 -> bytes = moved(bytes, at, random.nextInt(-8, 9));
        default -> bytes = text(bytes, at, TEXTS.get(random.nextInt(TEXTS.size())));
      }
    }
    return bytes;
  }

  private static void number(byte[] bytes, int at, long value, boolean isLong) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (isLong && at + 8 <= bytes.length) {
      buffer.putLong(at, value);
    } else if (at + 4 <= bytes.length) {
      buffer.putInt(at, (int) value);
    }
  }

  /** Bytes taken out, or some more put in. */
  private static byte[] moved(byte[] bytes, int at, int by) {
    int to = Math.clamp(at + by, 0, bytes.length);
    byte[] out = new byte[bytes.length - at + to];
    System.arraycopy(bytes, 0, out, 0, Math.min(at, to));
    System.arraycopy(bytes, at, out, to, bytes.length - at);
    return out;
  }

  /** A value of a JSON text replaced: what is between a colon and the next comma or brace. */
  private static byte[] text(byte[] bytes, int at, String value) {
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    int from = text.indexOf(':', at) + 1;
    int to =
        IntStream.of(text.indexOf(',', from), text.indexOf('}', from))
            .filter(i -> i > 0)
            .min()
            .orElse(-1);
    return from == 0 || to < 0
        ? bytes
        : (text.substring(0, from) + value + text.substring(to))
            .getBytes(StandardCharsets.ISO_8859_1);
  }

  private byte[] gguf(String architecture) throws IOException {
    Path path = folder.resolve("good.gguf");
    List<String> tokens = IntStream.range(0, 96).mapToObj(id -> "t" + id).toList();
    Map<String, GgufValue> vocabulary =
        GgufVocabulary.write(
            VocabularySpec.builder("llama", tokens)
                .scores(new float[96])
                .types(new int[96])
                .merges(List.of("a b", "c d"))
                .build());
    ModelConfig config = TinyModels.config(architecture);
    try (RandomWeights weights = new RandomWeights(config, DType.Q8_0, 1)) {
      GgufModelWriter.write(path, weights, vocabulary);
    }
    return Files.readAllBytes(path);
  }

  @Test
  void gguf() throws IOException {
    for (String architecture : List.of("llama", "phi3")) {
      Path path = folder.resolve("bad.gguf");
      mutate(gguf(architecture), path, 5000, () -> readAll(path));
    }
  }

  @Test
  void safetensors() throws IOException {
    ModelConfig config = TinyModels.withRope(TinyModels.config("llama"), 8, RopePairing.HALF_SPLIT);
    String more = ", \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4.0}, \"hidden_act\": null";
    try (RandomWeights weights = new RandomWeights(config, DType.F32, 1)) {
      HubFiles.write(folder, HubFiles.json("llama", config, more), weights);
    }
    Path tensors = folder.resolve("model.safetensors");
    byte[] good = Files.readAllBytes(tensors);
    mutate(good, tensors, 3000, () -> readAll(folder));
    Files.write(tensors, good);
    Path json = folder.resolve("config.json");
    mutate(Files.readAllBytes(json), json, 5000, () -> readAll(folder));
  }

  /** Weights of PyTorch in two files: their zip archives, the pickles in them, and the index. */
  @Test
  void pytorch() throws IOException {
    ModelConfig config = TinyModels.config("gpt2");
    String json =
        """
        {"model_type": "gpt2", "vocab_size": %d, "n_positions": %d, "n_embd": %d, "n_layer": %d,
         "n_head": %d, "n_inner": %d, "layer_norm_epsilon": 1e-05}
        """
            .formatted(
                config.vocabularySize(),
                config.contextLength(),
                config.width(),
                config.layers(),
                config.attention().heads(),
                config.feedForward().hidden());
    Files.writeString(folder.resolve("config.json"), json);
    RawPytorch[] files = {new RawPytorch(), new RawPytorch()};
    StringBuilder map = new StringBuilder("{\"weight_map\": {");
    String name = "pytorch_model-0000%d-of-00002.bin";
    try (RandomWeights weights = new RandomWeights(config, DType.F32, 1)) {
      int count = 0;
      for (HubFiles.Named tensor : HubFiles.tensors(weights)) {
        int part = count++ % 2;
        files[part].tensor(tensor.name(), "FloatStorage", tensor.shape(), tensor.bytes());
        map.append(count == 1 ? "" : ", ")
            .append("\"%s\": \"%s\"".formatted(tensor.name(), name.formatted(part + 1)));
      }
    }
    for (int part = 0; part < files.length; part++) {
      files[part].write(folder.resolve(name.formatted(part + 1)));
    }
    Path index = folder.resolve("pytorch_model.bin.index.json");
    Files.writeString(index, map + "}}");
    Path first = folder.resolve(name.formatted(1));
    byte[] good = Files.readAllBytes(first);
    mutate(good, first, 3000, ROUNDS / 2, () -> readAll(folder)); // most of the pickle
    int anywhere = Integer.MAX_VALUE; // headers are all over the file
    mutate(good, first, anywhere, ROUNDS / 2, () -> readAll(folder));
    Files.write(first, good);
    mutate(Files.readAllBytes(index), index, anywhere, ROUNDS / 4, () -> readAll(folder));
  }

  @Test
  void llama2c() throws IOException {
    Path path = folder.resolve("m.bin");
    mutate(RawLlama2c.checkpoint(-10), path, 28, () -> readAll(path));
    Path tokenizer = folder.resolve("t.bin");
    mutate(RawLlama2c.tokenizer(300), tokenizer, 10000, () -> Llama2cTokenizer.read(tokenizer));
  }
}
