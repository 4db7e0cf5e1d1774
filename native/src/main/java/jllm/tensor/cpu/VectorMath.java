package jllm.tensor.cpu;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.XOR;
import static jllm.tensor.cpu.Lanes.FLOAT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Transcendental functions of vectors. The relative errors given were measured against double
 * precision over all arguments (see the test); no finite argument gives NaN, and NaN gives NaN.
 *
 * <p>Exponentials: {@code e^x = 2^n e^r} with n = round(x / ln 2), the product n ln 2 taken in two
 * parts (Cody and Waite 1980), and {@code e^r = 1 + r + r^2 q(r)} where q is a polynomial fitted
 * for the least relative error on |r| <= 0.35.
 *
 * <p>A function does not call another and its constants are vectors: a loop that calls one must
 * stay small enough for the JIT to take all of it in, or its vectors become objects.
 */
final class VectorMath {
  /** 1.5 * 2^23: adding it rounds a float to an integer and leaves that in the low bits. */
  private static final FloatVector ROUND = broadcast(FLOAT, 12582912f);

  private static final FloatVector LOG2_E = broadcast(FLOAT, 1.44269504f);

  /** -ln 2 in two parts; the product of the first and an integer up to 2^8 is exact. */
  private static final FloatVector LN2_HIGH = broadcast(FLOAT, -0.693359375f);

  private static final FloatVector LN2_LOW = broadcast(FLOAT, 2.12194440e-4f);

  private static final FloatVector ONE = broadcast(FLOAT, 1);
  private static final FloatVector MINUS_HALF = broadcast(FLOAT, -0.5f);

  /** Below, e^x is less than the least normal number and taken as 0. */
  private static final float EXP_LEAST = -87.33f;

  /** Above, e^x overflows. */
  private static final float EXP_MOST = 88.72f;

  private static final FloatVector Q0 = broadcast(FLOAT, 0.5f);
  private static final FloatVector Q1 = broadcast(FLOAT, 0.16666513f);
  private static final FloatVector Q2 = broadcast(FLOAT, 0.0416661875f);
  private static final FloatVector Q3 = broadcast(FLOAT, 0.00836959025f);
  private static final FloatVector Q4 = broadcast(FLOAT, 0.00139517031f);

  /** tanh rounds to 1 from here on. */
  private static final float TANH_ONE = 10f;

  private static final float GELU_SCALE = (float) (2 * Math.sqrt(2 / Math.PI));
  private static final FloatVector GELU_CUBE = broadcast(FLOAT, 0.044715f);

  /** Phi(-x) is less than any normal number from here on. */
  private static final float PHI_ZERO = 15f;

  private static final FloatVector ERFC_T = broadcast(FLOAT, 0.35f);
  private static final FloatVector P0 = broadcast(FLOAT, -1.27555589f);
  private static final FloatVector P1 = broadcast(FLOAT, 0.998821999f);
  private static final FloatVector P2 = broadcast(FLOAT, 0.386889385f);
  private static final FloatVector P3 = broadcast(FLOAT, 0.0541072894f);
  private static final FloatVector P4 = broadcast(FLOAT, -0.0485334627f);
  private static final FloatVector P5 = broadcast(FLOAT, 0.0549335021f);
  private static final FloatVector P6 = broadcast(FLOAT, -0.882273436f);
  private static final FloatVector P7 = broadcast(FLOAT, 1.28573848f);
  private static final FloatVector P8 = broadcast(FLOAT, -0.72484561f);
  private static final FloatVector P9 = broadcast(FLOAT, 0.150717786f);

  private static final FloatVector INVERSE_ROOT_2_PI =
      broadcast(FLOAT, (float) (1 / Math.sqrt(2 * Math.PI)));

  private static final IntVector MIX_FIRST = IntVector.broadcast(Lanes.INT, 0x21f0aaad);
  private static final IntVector MIX_SECOND = IntVector.broadcast(Lanes.INT, 0xd35a2d97);

  private VectorMath() {}

  /** {@code e^x}, relative error 1.5e-7; 0 below -87.33. */
  static FloatVector exp(FloatVector x) {
    FloatVector t = x.fma(LOG2_E, ROUND);
    FloatVector n = t.sub(ROUND);
    FloatVector r = n.fma(LN2_LOW, n.fma(LN2_HIGH, x));
    FloatVector q = r.fma(Q4, Q3).fma(r, Q2).fma(r, Q1).fma(r, Q0);
    IntVector p = q.fma(r, ONE).fma(r, ONE).reinterpretAsInts();
    return p.add(t.reinterpretAsInts().lanewise(LSHL, 23))
        .reinterpretAsFloats()
        .blend(0f, x.compare(LT, EXP_LEAST))
        .blend(Float.POSITIVE_INFINITY, x.compare(GT, EXP_MOST));
  }

  /** {@code e^x} for x at most 0 (or NaN), such as the difference to a maximum. */
  static FloatVector expOfNegative(FloatVector x) {
    FloatVector t = x.fma(LOG2_E, ROUND);
    FloatVector n = t.sub(ROUND);
    FloatVector r = n.fma(LN2_LOW, n.fma(LN2_HIGH, x));
    FloatVector q = r.fma(Q4, Q3).fma(r, Q2).fma(r, Q1).fma(r, Q0);
    IntVector p = q.fma(r, ONE).fma(r, ONE).reinterpretAsInts();
    return p.add(t.reinterpretAsInts().lanewise(LSHL, 23))
        .reinterpretAsFloats()
        .blend(0f, x.compare(LT, EXP_LEAST));
  }

  /** {@code tanh(x) = (e^2|x| - 1) / (e^2|x| + 1)} with the sign of x, relative error 3e-7. */
  static FloatVector tanh(FloatVector x) {
    FloatVector y = x.abs();
    y = y.blend(TANH_ONE, y.compare(GT, TANH_ONE));
    y = y.add(y);
    FloatVector t = y.fma(LOG2_E, ROUND);
    FloatVector n = t.sub(ROUND);
    FloatVector r = n.fma(LN2_LOW, n.fma(LN2_HIGH, y));
    FloatVector q = r.fma(Q4, Q3).fma(r, Q2).fma(r, Q1).fma(r, Q0);
    // 2^n (e^r - 1) + (2^n - 1) keeps the digits of e^y - 1 near 0.
    FloatVector scale =
        t.reinterpretAsInts().lanewise(LSHL, 23).add(0x3f800000).reinterpretAsFloats();
    FloatVector less = q.fma(r, ONE).mul(r).fma(scale, scale.sub(ONE));
    IntVector result = less.div(less.add(2)).reinterpretAsInts();
    return result.or(x.reinterpretAsInts().and(0x80000000)).reinterpretAsFloats();
  }

  /** {@code x / (1 + e^-x)}, relative error 4e-7. */
  static FloatVector silu(FloatVector x) {
    return x.div(exp(x.neg()).add(ONE));
  }

  /** GELU in its tanh form, written as {@code x / (1 + e^(-2u))}, u being the argument of tanh. */
  static FloatVector geluTanh(FloatVector x) {
    FloatVector u = x.mul(x).fma(GELU_CUBE, ONE).mul(x).mul(-GELU_SCALE);
    return x.div(exp(u).add(ONE));
  }

  /**
   * GELU in its exact form, {@code x Phi(x)}. With {@code erfc(|x| / sqrt(2)) = t e^(-x^2/2 +
   * p(t))}, {@code t = 1 / (1 + 0.35 |x|)} and a polynomial p fitted to 4e-8, {@code Phi(-|x|)}
   * keeps its digits.
   */
  static FloatVector geluErf(FloatVector x) {
    FloatVector size = x.abs();
    size = size.blend(PHI_ZERO, size.compare(GT, PHI_ZERO));
    FloatVector t = ONE.div(size.fma(ERFC_T, ONE));
    FloatVector p = t.fma(P9, P8).fma(t, P7).fma(t, P6).fma(t, P5).fma(t, P4);
    p = p.fma(t, P3).fma(t, P2).fma(t, P1).fma(t, P0);
    FloatVector square = size.mul(size);
    // What the square was rounded by would be magnified by the exponential: part of its argument.
    FloatVector low = size.fma(size, square.neg()).fma(MINUS_HALF, p);
    FloatVector lower = size.mul(t).mul(expOfSum(square.mul(MINUS_HALF), low)).mul(0.5f);
    return x.lanewise(MAX, 0f).sub(lower);
  }

  /** The derivative of {@link #silu}: with s = 1 / (1 + e^-x), {@code s (1 + x (1 - s))}. */
  static FloatVector siluSlope(FloatVector x) {
    FloatVector s = ONE.div(exp(x.neg()).add(ONE));
    return ONE.sub(s).fma(x, ONE).mul(s);
  }

  /**
   * The derivative of {@link #geluTanh}: with 2u = c (x + 0.044715 x^3), c = 2 sqrt(2 / pi), and s
   * = 1 / (1 + e^(-2u)): {@code s + x s (1 - s) c (1 + 3 * 0.044715 x^2)}. Far from 0 it is 0 or 1.
   */
  static FloatVector geluTanhSlope(FloatVector x) {
    FloatVector y = x.blend(PHI_ZERO, x.compare(GT, PHI_ZERO));
    y = y.blend(-PHI_ZERO, x.compare(LT, -PHI_ZERO));
    FloatVector cube = y.mul(y).mul(GELU_CUBE);
    FloatVector u = cube.add(ONE).mul(y).mul(-GELU_SCALE);
    FloatVector s = ONE.div(exp(u).add(ONE));
    FloatVector slope = cube.mul(3).add(ONE).mul(GELU_SCALE).mul(y);
    return ONE.sub(s).mul(slope).fma(s, s);
  }

  /** The distribution function Phi of the normal distribution, as in {@link #geluErf}. */
  static FloatVector normalCdf(FloatVector x) {
    FloatVector size = x.abs();
    size = size.blend(PHI_ZERO, size.compare(GT, PHI_ZERO));
    FloatVector t = ONE.div(size.fma(ERFC_T, ONE));
    FloatVector p = t.fma(P9, P8).fma(t, P7).fma(t, P6).fma(t, P5).fma(t, P4);
    p = p.fma(t, P3).fma(t, P2).fma(t, P1).fma(t, P0);
    FloatVector square = size.mul(size);
    FloatVector low = size.fma(size, square.neg()).fma(MINUS_HALF, p);
    FloatVector lower = t.mul(expOfSum(square.mul(MINUS_HALF), low)).mul(0.5f);
    return lower.blend(ONE.sub(lower), x.compare(GT, 0f));
  }

  /** The density phi of the normal distribution. */
  static FloatVector normalDensity(FloatVector x) {
    FloatVector size = x.abs();
    size = size.blend(PHI_ZERO, size.compare(GT, PHI_ZERO));
    return expOfNegative(size.mul(size).mul(MINUS_HALF)).mul(INVERSE_ROOT_2_PI);
  }

  /**
   * All ones where the {@link jllm.tensor.Dropout#hash} of which {@code sum} is the first line
   * drops an element, else 0: the sign of the difference to the threshold, spread over the word.
   */
  static IntVector dropped(IntVector sum, IntVector threshold) {
    return hash(sum).lanewise(LSHR, 1).sub(threshold).lanewise(ASHR, 31);
  }

  /** The {@link jllm.tensor.Dropout#hash} of which {@code sum} is the first line. */
  static IntVector hash(IntVector sum) {
    IntVector h = sum.lanewise(LSHR, 16).lanewise(XOR, sum).mul(MIX_FIRST);
    h = h.lanewise(LSHR, 15).lanewise(XOR, h).mul(MIX_SECOND);
    return h.lanewise(LSHR, 15).lanewise(XOR, h);
  }

  /** {@code e^(high + low)} for a negative sum, where low is what the sum would round away. */
  private static FloatVector expOfSum(FloatVector high, FloatVector low) {
    FloatVector sum = high.add(low);
    FloatVector t = sum.fma(LOG2_E, ROUND);
    FloatVector n = t.sub(ROUND);
    FloatVector r = n.fma(LN2_LOW, n.fma(LN2_HIGH, high).add(low));
    FloatVector q = r.fma(Q4, Q3).fma(r, Q2).fma(r, Q1).fma(r, Q0);
    IntVector p = q.fma(r, ONE).fma(r, ONE).reinterpretAsInts();
    return p.add(t.reinterpretAsInts().lanewise(LSHL, 23))
        .reinterpretAsFloats()
        .blend(0f, sum.compare(LT, EXP_LEAST));
  }
}
