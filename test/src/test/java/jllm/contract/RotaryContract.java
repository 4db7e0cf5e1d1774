package jllm.contract;

import jllm.tensor.RopePairing;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** {@link jllm.tensor.Backend#rotations} and {@link jllm.tensor.Backend#rope}. */
interface RotaryContract extends Subject {

  /** Angles of late positions are large: single precision before the sine is not enough. */
  @Test
  default void rotations() {
    int[] positions = {0, 1, 2, 3, 100, 4095, 131_071, 1_000_000};
    for (int pairs : new int[] {1, 3, 8, 33, 64}) {
      for (float magnitude : new float[] {1, 1.19f}) {
        try (Trial trial = new Trial(backend(), "rotations of " + pairs + " by " + magnitude)) {
          Operand at = trial.indices(1, positions);
          Operand out = trial.out(positions.length, 2 * pairs);
          double[] frequencies = frequencies(pairs);
          trial.run((b, side) -> b.rotations(side.of(out), side.of(at), frequencies, magnitude));
          trial.assertEach(out, 2e-7, 1e-7);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  default void rope(RopePairing pairing) {
    for (int headDim : new int[] {2, 6, 16, 18, 64, 80, 128}) {
      for (int rotated : new int[] {2, headDim / 4 * 2, headDim}) {
        for (int heads : new int[] {1, 3}) {
          for (int rows : new int[] {1, 2, 13, 33}) {
            if (rotated > 0) {
              String sizes = heads + " heads of " + headDim + ", " + rotated + " turned";
              try (Trial trial =
                  new Trial(backend(), "rope " + pairing + " " + sizes + ", rows " + rows)) {
                turn(trial, rows, heads, headDim, rotated, pairing);
              }
            }
          }
        }
      }
    }
  }

  private static void turn(
      Trial trial, int rows, int heads, int headDim, int rotated, RopePairing pairing) {
    int[] positions = new int[rows];
    for (int n = 0; n < rows; n++) {
      positions[n] = 17 * n;
    }
    Operand at = trial.indices(1, positions);
    Operand rotations = trial.out(rows, rotated);
    double[] frequencies = frequencies(rotated / 2);
    trial.run((b, side) -> b.rotations(side.of(rotations), side.of(at), frequencies, 1));

    Operand x = trial.normal(rows, heads * headDim, 1);
    Operand out = trial.out(rows, heads * headDim);
    trial.run((b, side) -> b.rope(side.of(out), side.of(x), side.of(rotations), headDim, pairing));
    trial.assertEach(out, 1e-6, 2e-6);

    Operand inPlace = x.asResult();
    trial.run((b, side) ->
        b.rope(side.of(inPlace), side.of(inPlace), side.of(rotations), headDim, pairing));
    trial.assertEach(inPlace, 1e-6, 2e-6);
  }

  private static double[] frequencies(int pairs) {
    double[] frequencies = new double[pairs];
    for (int i = 0; i < pairs; i++) {
      frequencies[i] = Math.pow(10_000, -(double) i / pairs);
    }
    return frequencies;
  }
}
