package jllm.format.convert;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.util.stream.LongStream;
import jllm.format.CopiedWeights;
import jllm.format.ModelFormatException;
import jllm.format.WeightSource;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;

/**
 * The weights of another source in other types: each is a copy until it is released, made on all
 * cores. Closing it leaves the other source open.
 */
public final class TypedWeights extends CopiedWeights {
  /** Elements that a thread takes at a time. */
  private static final long CHUNK = 1 << 18;

  private final String file;
  private final Types types;

  /** The type that a weight is wanted in. */
  @FunctionalInterface
  public interface Types {
    DType of(String name, DType stored);
  }

  /**
   * @param file for messages
   */
  public TypedWeights(WeightSource source, String file, Types types) {
    super(source);
    this.file = file;
    this.types = types;
  }

  @Override
  public DType dtype(String name) {
    return types.of(name, source.dtype(name));
  }

  @Override
  protected boolean isChanged(String name) {
    return source.dtype(name) != dtype(name);
  }

  @Override
  protected void fill(String name, Tensor copy) {
    convert(name, source.tensor(name), copy);
  }

  private void convert(String name, Tensor from, Tensor to) {
    long rows = from.shape().elements() / from.columns();
    long atOnce = Math.max(1, CHUNK / from.columns());
    LongStream.range(0, (rows + atOnce - 1) / atOnce)
        .parallel()
        .forEach(chunk -> {
          long first = chunk * atOnce;
          long count = Math.min(atOnce, rows - first);
          Tensor source = rows(from, first, count);
          Tensor target = rows(to, first, count);
          Conversions.convert(
              source, to.dtype(), SegmentAllocator.prefixAllocator(target.segment()));
          check(name, from.dtype(), target);
        });
  }

  /** Rows of a tensor of any rank as a matrix. */
  private static Tensor rows(Tensor tensor, long first, long count) {
    int columns = tensor.columns();
    long rowBytes = tensor.dtype().bytes(columns);
    MemorySegment part = tensor.segment().asSlice(first * rowBytes, count * rowBytes);
    return Tensor.of(part, tensor.dtype(), Shape.of((int) count, columns));
  }

  /** Half precision ends where many a BF16 weight goes on. */
  private void check(String name, DType from, Tensor to) {
    if (to.dtype() != DType.F16 || from == DType.F16) {
      return;
    }
    for (long i = 0; i < to.shape().elements(); i++) {
      short bits = to.segment().getAtIndex(ValueLayout.JAVA_SHORT, i);
      if ((bits & 0x7c00) == 0x7c00) {
        throw new ModelFormatException(
            "%s: tensor %s holds NaN, or values beyond 65504, which F16 cannot hold; take another type, such as bf16 or f32"
                .formatted(file, name));
      }
    }
  }
}
