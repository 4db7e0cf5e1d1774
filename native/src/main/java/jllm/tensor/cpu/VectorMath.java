package jllm.tensor.cpu;

import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jllm.tensor.cpu.Lanes.FLOAT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Transcendental functions of vectors. The relative errors given were measured against double
 * precision over all arguments (see the test); no finite argument gives NaN, and NaN gives NaN.
 *
 * <p>Exponentials: {@code e^x = 2^n e^r} with n = round(x / ln 2), the product n ln 2 taken in two
 * parts (Cody and Waite 1980), and {@code e^r = 1 + r + r^2 q(r)} where q is a polynomial fitted
 * for the least relative error on |r| <= 0.35.
 */
final class VectorMath {
  /** 1.5 * 2^23: adding it rounds a float to an integer and leaves that in the low bits. */
  private static final float ROUND = 12582912f;

  private static final float LOG2_E = 1.44269504f;

  /** ln 2 in two parts; the product of the first and an integer up to 2^8 is exact. */
  private static final float LN2_HIGH = 0.693359375f;

  private static final float LN2_LOW = -2.12194440e-4f;

  /** Below, e^x is less than the least normal number and taken as 0. */
  private static final float EXP_LEAST = -87.33f;

  /** Above, e^x overflows. */
  private static final float EXP_MOST = 88.72f;

  private static final float Q0 = 0.500000007f;
  private static final float Q1 = 0.16666514f;
  private static final float Q2 = 0.0416661876f;
  private static final float Q3 = 0.00836959008f;
  private static final float Q4 = 0.00139517034f;

  /** tanh rounds to 1 from here on. */
  private static final float TANH_ONE = 10f;

  private static final float GELU_SCALE = (float) (2 * Math.sqrt(2 / Math.PI));
  private static final float GELU_CUBE = 0.044715f;

  /** Phi(-x) is less than any normal number from here on. */
  private static final float PHI_ZERO = 15f;

  private static final float ERFC_T = 0.35f;
  private static final float P0 = -1.27555589f;
  private static final float P1 = 0.998821999f;
  private static final float P2 = 0.386889385f;
  private static final float P3 = 0.0541072894f;
  private static final float P4 = -0.0485334627f;
  private static final float P5 = 0.0549335021f;
  private static final float P6 = -0.882273436f;
  private static final float P7 = 1.28573848f;
  private static final float P8 = -0.72484561f;
  private static final float P9 = 0.150717786f;

  private VectorMath() {}

  private static FloatVector all(float value) {
    return FloatVector.broadcast(FLOAT, value);
  }

  /** {@code e^x}, relative error 1.5e-7; 0 below -87.33. */
  static FloatVector exp(FloatVector x) {
    FloatVector t = x.fma(all(LOG2_E), all(ROUND));
    FloatVector n = t.sub(ROUND);
    FloatVector r = n.fma(all(-LN2_LOW), n.fma(all(-LN2_HIGH), x));
    return power(t, r)
        .blend(0f, x.compare(LT, EXP_LEAST))
        .blend(Float.POSITIVE_INFINITY, x.compare(GT, EXP_MOST));
  }

  /** {@code 2^n e^r}, where n is in the low bits of t. */
  private static FloatVector power(FloatVector t, FloatVector r) {
    FloatVector one = all(1);
    FloatVector p = quotient(r).fma(r, one).fma(r, one);
    IntVector exponent = t.reinterpretAsInts().lanewise(LSHL, 23);
    return p.reinterpretAsInts().add(exponent).reinterpretAsFloats();
  }

  /** {@code (e^r - 1 - r) / r^2}. */
  private static FloatVector quotient(FloatVector r) {
    return r.fma(all(Q4), all(Q3)).fma(r, all(Q2)).fma(r, all(Q1)).fma(r, all(Q0));
  }

  /** {@code tanh(x) = (e^2|x| - 1) / (e^2|x| + 1)} with the sign of x, relative error 3e-7. */
  static FloatVector tanh(FloatVector x) {
    FloatVector y = x.abs();
    y = y.blend(TANH_ONE, y.compare(GT, TANH_ONE));
    y = y.add(y);
    FloatVector t = y.fma(all(LOG2_E), all(ROUND));
    FloatVector n = t.sub(ROUND);
    FloatVector r = n.fma(all(-LN2_LOW), n.fma(all(-LN2_HIGH), y));
    // 2^n (e^r - 1) + (2^n - 1) keeps the digits of e^y - 1 near 0.
    FloatVector scale =
        t.reinterpretAsInts().lanewise(LSHL, 23).add(0x3f800000).reinterpretAsFloats();
    FloatVector less = quotient(r).fma(r, all(1)).mul(r).fma(scale, scale.sub(1));
    FloatVector result = less.div(less.add(2));
    return withSign(result, x);
  }

  private static FloatVector withSign(FloatVector magnitude, FloatVector sign) {
    IntVector bit = sign.reinterpretAsInts().and(0x80000000);
    return magnitude.reinterpretAsInts().or(bit).reinterpretAsFloats();
  }

  /** {@code x / (1 + e^-x)}, relative error 4e-7. */
  static FloatVector silu(FloatVector x) {
    return x.div(exp(x.neg()).add(1));
  }

  /** GELU in its tanh form, written as {@code x / (1 + e^(-2u))}, u being the argument of tanh. */
  static FloatVector geluTanh(FloatVector x) {
    FloatVector u = x.mul(x).fma(all(GELU_CUBE), all(1)).mul(x).mul(-GELU_SCALE);
    return x.div(exp(u).add(1));
  }

  /**
   * GELU in its exact form, {@code x Phi(x)}. With {@code erfc(|x| / sqrt(2)) = t e^(-x^2/2 +
   * p(t))}, {@code t = 1 / (1 + 0.35 |x|)} and a polynomial p fitted to 4e-8, {@code Phi(-|x|)}
   * keeps its digits.
   */
  static FloatVector geluErf(FloatVector x) {
    FloatVector magnitude = x.abs();
    magnitude = magnitude.blend(PHI_ZERO, magnitude.compare(GT, PHI_ZERO));
    FloatVector t = all(1).div(magnitude.fma(all(ERFC_T), all(1)));
    FloatVector square = magnitude.mul(magnitude);
    // The rounding of the square would be magnified by the exponential.
    FloatVector lost = magnitude.fma(magnitude, square.neg());
    FloatVector tail = expOfSum(square.mul(-0.5f), lost.fma(all(-0.5f), erfcPolynomial(t)));
    FloatVector lower = magnitude.mul(t).mul(tail).mul(0.5f);
    FloatVector positive = x.lanewise(VectorOperators.MAX, 0f);
    return positive.sub(lower);
  }

  private static FloatVector erfcPolynomial(FloatVector t) {
    FloatVector high = t.fma(all(P9), all(P8)).fma(t, all(P7)).fma(t, all(P6)).fma(t, all(P5));
    return high.fma(t, all(P4)).fma(t, all(P3)).fma(t, all(P2)).fma(t, all(P1)).fma(t, all(P0));
  }

  /** {@code e^(high + low)} for a negative sum, where low is what the sum would round away. */
  private static FloatVector expOfSum(FloatVector high, FloatVector low) {
    FloatVector sum = high.add(low);
    FloatVector t = sum.fma(all(LOG2_E), all(ROUND));
    FloatVector n = t.sub(ROUND);
    FloatVector r = n.fma(all(-LN2_LOW), n.fma(all(-LN2_HIGH), high).add(low));
    return power(t, r).blend(0f, sum.compare(LT, EXP_LEAST));
  }
}
