package jllm.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The blocked matrix product against plain loops in double precision. */
class GemmTest {
  /** Reads row-major float32, one element after the other. */
  private static final PanelReader PLAIN =
      (weight, base, rows, columns, row, from, to, panel, at, stride) -> {
        for (int k = from; k < to; k++) {
          for (int r = 0; r < PanelReader.ROWS; r++) {
            float value =
                row + r < rows
                    ? weight.get(JAVA_FLOAT, base + 4L * ((long) (row + r) * columns + k))
                    : 0;
            panel.set(JAVA_FLOAT, at + 4L * ((long) (k - from) * stride + r), value);
          }
        }
      };

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 1",
    "2, 3, 5, 2",
    "3, 16, 17, 1",
    "4, 33, 31, 3",
    "5, 64, 256, 2",
    "6, 1, 700, 2",
    "7, 100, 513, 3",
    "8, 32, 512, 1",
    "9, 31, 511, 2",
    "13, 40, 1025, 3",
    "64, 7, 300, 3",
    "65, 96, 1030, 2",
    "130, 65, 40, 3",
    "1050, 35, 19, 2",
  })
  void agreesWithLoops(int rows, int outputs, int inputs, int threads) {
    check(rows, outputs, inputs, threads, true, false);
    check(rows, outputs, inputs, threads, false, false);
  }

  @ParameterizedTest
  @CsvSource({"2, 3, 5, 2", "9, 31, 70, 2", "33, 65, 90, 3", "600, 65, 40, 1"})
  void gathersAndScattersRows(int rows, int outputs, int inputs, int threads) {
    check(rows, outputs, inputs, threads, false, true);
  }

  private static void check(
      int rows, int outputs, int inputs, int threads, boolean withBias, boolean mapped) {
    long seed = 31L * rows + 17L * outputs + inputs;
    Random random = new Random(seed);
    int places = mapped ? 2 * rows : rows;
    try (Arena arena = Arena.ofShared();
        Workers workers = new Workers(threads);
        Gemm gemm = new Gemm(workers)) {
      MemorySegment x = floats(arena, random, places * inputs);
      MemorySegment w = floats(arena, random, outputs * inputs + 1);
      MemorySegment bias = withBias ? floats(arena, random, outputs) : null;
      MemorySegment out = arena.allocate(4L * places * outputs, 64);
      MemorySegment indices = mapped ? sourcesAndTargets(arena, rows) : null;
      if (indices == null) {
        gemm.run(out, x, PLAIN, w, 4, rows, outputs, inputs, bias);
      } else {
        gemm.run(out, x, indices, 4, 4 + 4L * rows, PLAIN, w, 4, rows, outputs, inputs);
      }
      for (int n = 0; n < rows; n++) {
        for (int o = 0; o < outputs; o++) {
          double expected = bias == null ? 0 : bias.getAtIndex(JAVA_FLOAT, o);
          double magnitude = Math.abs(expected);
          for (int i = 0; i < inputs; i++) {
            double term =
                (double) x.getAtIndex(JAVA_FLOAT, (long) at(indices, 1 + n, n) * inputs + i)
                    * w.getAtIndex(JAVA_FLOAT, 1 + (long) o * inputs + i);
            expected += term;
            magnitude += Math.abs(term);
          }
          double found =
              out.getAtIndex(JAVA_FLOAT, (long) at(indices, 1 + rows + n, n) * outputs + o);
          assertEquals(
              expected, found, 1e-6 * magnitude, "row " + n + ", output " + o + ", seed " + seed);
        }
      }
    }
  }

  private static int at(@Nullable MemorySegment indices, int place, int n) {
    return indices == null ? n : indices.getAtIndex(JAVA_INT, place);
  }

  /** After one int of no meaning the odd numbers in falling order, then the even ones. */
  private static MemorySegment sourcesAndTargets(Arena arena, int count) {
    MemorySegment indices = arena.allocate(4L * (1 + 2 * count), 64);
    for (int i = 0; i < count; i++) {
      indices.setAtIndex(JAVA_INT, 1 + i, 2 * (count - 1 - i) + 1);
      indices.setAtIndex(JAVA_INT, 1 + count + i, 2 * (count - 1 - i));
    }
    return indices;
  }

  private static MemorySegment floats(Arena arena, Random random, int count) {
    MemorySegment segment = arena.allocate(4L * count, 64);
    for (int i = 0; i < count; i++) {
      segment.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return segment;
  }
}
