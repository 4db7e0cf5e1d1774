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
import jllm.tensor.DType;
import jllm.tensor.RopePairing;
import jllm.tensor.Tensor;
import jllm.tokenize.VocabularySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged files of every format: each is read, or refused by one of our exceptions. Nothing else is
 * thrown, nothing hangs, and nothing large is allocated.
 */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class MutationTest {
  private static final int ROUNDS = 1000;
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
    Files.write(path, good);
    reading.read(); // the file itself is fine
    int refused = 0;
    for (int seed = 0; seed < ROUNDS; seed++) {
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
    assertTrue(share > ROUNDS / 4 && share < ROUNDS, () -> share + " of " + ROUNDS + " refused");
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

  @Test
  void llama2c() throws IOException {
    Path path = folder.resolve("m.bin");
    mutate(RawLlama2c.checkpoint(-10), path, 28, () -> readAll(path));
    Path tokenizer = folder.resolve("t.bin");
    mutate(RawLlama2c.tokenizer(300), tokenizer, 10000, () -> Llama2cTokenizer.read(tokenizer));
  }
}
