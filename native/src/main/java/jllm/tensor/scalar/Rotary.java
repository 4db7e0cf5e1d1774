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
    for (int n = 0; n < x.rows(); n++) {
      double[] row = Rows.read(x, n);
      turn(row, Rows.read(rotations, n), 1, headDim, pairing);
      Rows.write(out, n, row);
    }
  }

  /** dx, dout [N, H*D], rotations [N, R]: the transpose of a rotation turns the other way. */
  static void ropeBackward(
      Tensor dx, Tensor dout, Tensor rotations, int headDim, RopePairing pairing) {
    for (int n = 0; n < dout.rows(); n++) {
      double[] row = Rows.read(dout, n);
      turn(row, Rows.read(rotations, n), -1, headDim, pairing);
      Rows.add(dx, n, row);
    }
  }

  /**
   * Turns the pairs of each head.
   *
   * @param direction 1, or -1 for the opposite angles
   */
  private static void turn(
      double[] row, double[] angles, int direction, int headDim, RopePairing pairing) {
    int pairs = angles.length / 2;
    for (int head = 0; head < row.length; head += headDim) {
      for (int i = 0; i < pairs; i++) {
        int first = head + (pairing == RopePairing.INTERLEAVED ? 2 * i : i);
        int second = pairing == RopePairing.INTERLEAVED ? first + 1 : first + pairs;
        double cos = angles[2 * i];
        double sin = angles[2 * i + 1] * direction;
        double a = row[first];
        double b = row[second];
        row[first] = a * cos - b * sin;
        row[second] = a * sin + b * cos;
      }
    }
  }
}
