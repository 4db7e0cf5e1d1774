package jllm.tensor.cpu;

import static jllm.tensor.cpu.Lanes.FLOAT;
import static jllm.tensor.cpu.Lanes.ORDER;
import static jllm.tensor.cpu.PackedFormat.LINE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Weights of types without a kernel of their own, with activations in float32: 256 columns of a
 * tile at a time are unpacked into the cache, as the matrix product does it, and multiplied there.
 */
final class MatVecPanels extends MatVecKernel {
  static final MatVecPanels IQ4_NL = new MatVecPanels(PackedIq4Nl.INSTANCE);
  static final MatVecPanels IQ4_XS = new MatVecPanels(PackedIq4Xs.INSTANCE);

  private static final int COLUMNS = PanelReader.COLUMN_STEP;

  private final PackedFormat format;

  private MatVecPanels(PackedFormat format) {
    this.format = format;
  }

  @Override
  void prepare(MatVecInput input, MemorySegment x, long at, int columns) {
    input.floats(x, at, columns, columns);
  }

  @Override
  void multiply(
      MemorySegment weight,
      long tile,
      int columns,
      MatVecInput input,
      MemorySegment scratch,
      long scratchAt,
      MemorySegment out,
      long target) {
    for (long v = 0; v < LINE; v += PackedFormat.VECTOR) {
      FloatVector.zero(FLOAT).intoMemorySegment(out, target + v, ORDER);
    }
    int rows = PanelReader.ROWS;
    for (int k = 0; k < columns; k += COLUMNS) {
      int end = Math.min(columns, k + COLUMNS);
      format.read(weight, tile, rows, columns, 0, k, end, scratch, scratchAt, rows);
      for (long v = 0; v < LINE; v += PackedFormat.VECTOR) {
        vector(scratch, scratchAt + v, k, end, input.values, out, target + v);
      }
    }
  }

  private static void vector(
      MemorySegment panel, long p, int from, int to, float[] x, MemorySegment out, long target) {
    FloatVector a = FloatVector.fromMemorySegment(FLOAT, out, target, ORDER);
    FloatVector b = FloatVector.zero(FLOAT);
    FloatVector c = b;
    FloatVector d = b;
    for (int k = from; k != to; k += 4, p += 4 * LINE) {
      a =
          FloatVector.fromMemorySegment(FLOAT, panel, p, ORDER)
              .fma(FloatVector.broadcast(FLOAT, x[k]), a);
      b =
          FloatVector.fromMemorySegment(FLOAT, panel, p + LINE, ORDER)
              .fma(FloatVector.broadcast(FLOAT, x[k + 1]), b);
      c =
          FloatVector.fromMemorySegment(FLOAT, panel, p + 2 * LINE, ORDER)
              .fma(FloatVector.broadcast(FLOAT, x[k + 2]), c);
      d =
          FloatVector.fromMemorySegment(FLOAT, panel, p + 3 * LINE, ORDER)
              .fma(FloatVector.broadcast(FLOAT, x[k + 3]), d);
    }
    a.add(b).add(c.add(d)).intoMemorySegment(out, target, ORDER);
  }
}
