package jllm.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import jllm.generate.Penalties;
import jllm.generate.Sampler;
import jllm.generate.SamplingSettings;
import jllm.tensor.DType;
import jllm.tensor.Exec;
import jllm.tensor.Memory;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.TokenChoice;
import jllm.tensor.cuda.CudaBackend;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A device chooses the tokens that the host's sampler chooses with the same random numbers. */
class SamplingTest {
  private static final long SEED = 20;
  private static final int ROWS = 12;
  private static final double[] TEMPERATURES = {0, 0.2, 0.8, 1, 1, 5};
  private static final double[] TOP_P = {0, 0.1, 0.5, 0.95, 0.999, 1, 1};
  private static final double[] MIN_P = {0, 0, 0.05, 0.5, 1};

  private final CudaBackend backend = TestDevice.backend();
  private final Memory memory = backend.memory();
  private final Arena arena = Arena.ofConfined();
  private final Exec exec = new Exec(backend);
  private final Random random = new Random(SEED);

  @AfterEach
  void close() {
    exec.close();
    memory.close();
    arena.close();
  }

  /** A row, and how a token is chosen from it. */
  private record Trial(float[] logits, SamplingSettings settings) {
    int onHost() {
      MemorySegment row = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, logits);
      return Sampler.of(settings, logits.length).sample(row);
    }

    TokenChoice choice() {
      return new TokenChoice(
          new SplittableRandom(settings.seed()).nextDouble(),
          settings.temperature(),
          settings.topK(),
          settings.topP(),
          settings.minP());
    }
  }

  private static SamplingSettings settings(
      double temperature, int topK, double topP, double minP, long seed) {
    return new SamplingSettings(temperature, topK, topP, minP, Penalties.NONE, Map.of(), seed);
  }

  private Tensor onDevice(Tensor host) {
    Tensor tensor = memory.tensor(host.dtype(), host.shape());
    backend.upload(tensor, host.segment());
    return tensor;
  }

  private Tensor rows(float[]... rows) {
    Tensor host = Tensor.allocate(arena, DType.F32, Shape.of(rows.length, rows[0].length));
    for (int i = 0; i < rows.length; i++) {
      MemorySegment.copy(
          rows[i],
          0,
          host.segment(),
          ValueLayout.JAVA_FLOAT,
          (long) i * rows[i].length * Float.BYTES,
          rows[i].length);
    }
    return onDevice(host);
  }

  /** What the device chooses from each row. */
  private int[] onDevice(
      List<Trial> trials, @Nullable Tensor biases, int[] bias, @Nullable Tensor next) {
    Tensor logits = rows(trials.stream().map(Trial::logits).toArray(float[][]::new));
    int columns = logits.columns();
    int ints = TokenChoice.INTS;
    Tensor host = Tensor.allocate(arena, DType.I32, Shape.of(trials.size() * ints));
    boolean greedy = true;
    for (int i = 0; i < bias.length; i++) {
      MemorySegment at = host.segment().asSlice((long) i * ints * Integer.BYTES);
      trials.get(i).choice().write(at, columns, bias[i]);
      greedy &= trials.get(i).settings().temperature() == 0;
    }
    exec.reset();
    assertTrue(exec.samples(columns));
    Tensor chosen = exec.sample(logits, onDevice(host), biases, greedy, next);
    return exec.onHost(chosen).segment().toArray(ValueLayout.JAVA_INT);
  }

  private static int[] none(int count) {
    int[] bias = new int[count];
    Arrays.fill(bias, -1);
    return bias;
  }

  private float[] logits(int kind, int count) {
    float[] logits = new float[count];
    for (int i = 0; i < count; i++) {
      float value = (float) random.nextGaussian();
      logits[i] =
          switch (kind) {
            case 0 -> 3 * value;
            case 1 -> Math.round(2 * value) - 300f; // many of the same
            case 2 -> random.nextInt(3) == 0 ? Float.NEGATIVE_INFINITY : 8 * value;
            case 3 -> -7.25f;
            case 4 -> i == count / 2 ? 90 : value;
            case 5 -> 1e30f * value;
            default -> i % 2 == 0 ? 0f : -0f;
          };
    }
    logits[random.nextInt(count)] = kind == 5 ? 1 : 0.5f;
    return logits;
  }

  private SamplingSettings settings(int count) {
    int[] topK = {0, 0, 1, 2, 40, Math.max(1, count - 1), count, count + 7};
    return settings(
        TEMPERATURES[random.nextInt(TEMPERATURES.length)],
        topK[random.nextInt(topK.length)],
        TOP_P[random.nextInt(TOP_P.length)],
        MIN_P[random.nextInt(MIN_P.length)],
        random.nextLong());
  }

  /** Rows of all kinds with all kinds of settings beside each other. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 33, 1000, 2048, 4097, 9001})
  void drawsAreThoseOfTheHost(int columns) {
    for (int round = 0; round < 4; round++) {
      List<Trial> trials = new java.util.ArrayList<>();
      for (int i = 0; i < ROWS; i++) {
        trials.add(new Trial(logits((round * ROWS + i) % 7, columns), settings(columns)));
      }
      int[] found = onDevice(trials, null, none(ROWS), null);
      for (int i = 0; i < ROWS; i++) {
        String what = "row " + i + ", round " + round + ", seed " + SEED + ", ";
        assertEquals(trials.get(i).onHost(), found[i], what + trials.get(i).settings());
      }
    }
  }

  /** As large as vocabularies become, where nearly all tokens are left, and where few are. */
  @Test
  void largeRows() {
    int columns = 260_000;
    float[] logits = logits(0, columns);
    List<Trial> trials =
        List.of(
            new Trial(logits, settings(0.8, 40, 0.95, 0.05, 1)),
            new Trial(logits, settings(1, 0, 0.9, 0, 2)),
            new Trial(logits, settings(1.5, 0, 1, 0, 3)),
            new Trial(logits, settings(3, 200_000, 0.999, 0, 4)));
    int[] found = onDevice(trials, null, none(4), null);
    for (int i = 0; i < found.length; i++) {
      assertEquals(trials.get(i).onHost(), found[i], trials.get(i).settings().toString());
    }
  }

  /** The same row many times: every draw, not the frequent ones alone. */
  @Test
  void manyDrawsFromOneRow() {
    float[] logits = logits(0, 300);
    List<Trial> trials =
        new SplittableRandom(SEED)
            .longs(150)
            .mapToObj(seed -> new Trial(logits, settings(2, 100, 0.98, 0, seed)))
            .toList();
    int[] found = onDevice(trials, null, none(trials.size()), null);
    int[] expected = trials.stream().mapToInt(Trial::onHost).toArray();
    assertTrue(Arrays.stream(expected).distinct().count() > 30);
    for (int i = 0; i < found.length; i++) {
      assertEquals(expected[i], found[i], "draw " + i);
    }
  }

  @Test
  void biasesBelongToRows() {
    int columns = 50;
    float[] biases = new float[columns];
    int[] banned = {3, 40};
    biases[7] = 6;
    for (int token : banned) {
      biases[token] = Float.NEGATIVE_INFINITY;
    }
    float[] other = new float[columns];
    Arrays.fill(other, Float.NEGATIVE_INFINITY);
    Tensor table = rows(other, biases);
    int[] bias = new int[30];
    List<Trial> trials = new java.util.ArrayList<>();
    for (int i = 0; i < bias.length; i++) {
      bias[i] = i % 2 == 0 ? 1 : -1;
      double temperature = i % 5 == 0 ? 0 : 1;
      float[] logits = logits(0, columns);
      logits[40] = 9;
      trials.add(new Trial(logits, settings(temperature, 0, i % 3 == 0 ? 1 : 0.9, 0, i)));
    }
    int[] found = onDevice(trials, table, bias, null);
    for (int i = 0; i < bias.length; i++) {
      Trial trial = trials.get(i);
      SamplingSettings biased =
          new SamplingSettings(
              trial.settings.temperature(),
              0,
              trial.settings.topP(),
              0,
              Penalties.NONE,
              bias[i] < 0 ? Map.of() : Map.of(7, 6f),
              trial.settings.seed());
      MemorySegment row = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, trial.logits);
      int expected = Sampler.of(biased, columns, bias[i] < 0 ? new int[0] : banned).sample(row);
      assertEquals(expected, found[i], "row " + i);
    }
    assertEquals(0, onDevice(trials.subList(1, 2), table, new int[] {0}, null)[0], "all banned");
  }

  @Test
  void rowsThatAreNotFiniteAreToldOf() {
    for (double temperature : new double[] {0, 1}) {
      for (int topK : new int[] {0, 5}) {
        SamplingSettings settings = settings(temperature, topK, 1, 0, 1);
        float[] nan = logits(0, 5000);
        nan[4500] = Float.NaN;
        float[] infinite = logits(0, 5000);
        infinite[17] = Float.POSITIVE_INFINITY;
        float[] impossible = new float[5000];
        Arrays.fill(impossible, Float.NEGATIVE_INFINITY);
        float[] fine = logits(4, 5000);
        Tensor host = Tensor.allocate(arena, DType.I32, Shape.of(4));
        for (int i = 0; i < 4; i++) {
          host.segment().setAtIndex(ValueLayout.JAVA_INT, i, 11 + i);
        }
        Tensor next = onDevice(host);
        List<Trial> trials = new java.util.ArrayList<>();
        for (float[] row : new float[][] {nan, infinite, impossible, fine}) {
          trials.add(new Trial(row, settings));
        }
        int[] found = onDevice(trials, null, none(4), next);
        assertEquals("[-1, -1, -1, 2500]", Arrays.toString(found), settings.toString());
        int[] kept = exec.onHost(next).segment().toArray(ValueLayout.JAVA_INT);
        assertEquals("[11, 12, 13, 2500]", Arrays.toString(kept), "no token is written");
      }
    }
  }

  @Test
  void rowsThatAreTooLongAreLeftToTheHost() {
    assertTrue(exec.samples(1 << 20));
    assertFalse(exec.samples((1 << 20) + 1));
  }
}
