package jllm.tensor.scalar;

import jllm.tensor.RopePairing;
import jllm.tensor.Tensor;

/** Rotary position embedding (Su et al. 2021, section 3.4.2). */
final class Rotary {
  private Rotary() {}

  /** out [N, 2 * frequencies], positions I32 [N]. */
  static void rotations(Tensor out, Tensor positions, double[] frequencies, float magnitude) {
    int[] at = Rows.readIndices(positions);
    double[] row = new double[2 * frequencies.length];
    for (int n = 0; n < at.length; n++) {
      for (int i = 0; i < frequencies.length; i++) {
        double angle = at[n] * frequencies[i];
        row[2 * i] = Math.cos(angle) * magnitude;
        row[2 * i + 1] = Math.sin(angle) * magnitude;
      }
      Rows.write(out, n, row);
    }
  }

  /** out, x [N, H*D], rotations [N, R]. */
  static void rope(Tensor out, Tensor x, Tensor rotations, int headDim, RopePairing pairing) {
    int pairs = rotations.columns() / 2;
    for (int n = 0; n < x.rows(); n++) {
      double[] row = Rows.read(x, n);
      double[] angles = Rows.read(rotations, n);
      for (int head = 0; head < row.length; head += headDim) {
        for (int i = 0; i < pairs; i++) {
          int first = head + (pairing == RopePairing.INTERLEAVED ? 2 * i : i);
          int second = pairing == RopePairing.INTERLEAVED ? first + 1 : first + pairs;
          double a = row[first];
          double b = row[second];
          row[first] = a * angles[2 * i] - b * angles[2 * i + 1];
          row[second] = a * angles[2 * i + 1] + b * angles[2 * i];
        }
      }
      Rows.write(out, n, row);
    }
  }
}
