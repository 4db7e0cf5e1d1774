package jllm.format.lora;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import jllm.format.CopiedWeights;
import jllm.format.WeightSource;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import jllm.tensor.quant.BlockEncoder;
import jllm.tensor.quant.Conversions;

/**
 * The weights of a model with adapters folded in. Closing it leaves the model and the adapters
 * open.
 */
public final class MergedWeights extends CopiedWeights {
  private final boolean asStored;
  private final Map<String, List<Change>> changes = new HashMap<>();

  /** Elements row-major. */
  private record Change(float[] a, float[] b, float scale, int rank) {}

  /**
   * Folds adapters into a model when a weight is asked for.
   *
   * @param asStored whether changed weights get the type that they are stored in, where it can be
   *     encoded; otherwise, F32
   */
  public MergedWeights(WeightSource source, List<ScaledAdapter> adapters, boolean asStored) {
    super(source);
    this.asStored = asStored;
    for (ScaledAdapter scaled : adapters) {
      scaled
          .adapter()
          .pairs()
          .forEach((name, pair) ->
              changes
                  .computeIfAbsent(name, _ -> new ArrayList<>())
                  .add(
                      new Change(
                          values(pair.a()),
                          values(pair.b()),
                          pair.scale() * scaled.factor(),
                          pair.rank())));
    }
  }

  private static float[] values(Tensor tensor) {
    long bytes = Tensor.byteSize(DType.F32, tensor.shape());
    return tensor.segment().asSlice(0, bytes).toArray(ValueLayout.JAVA_FLOAT);
  }

  @Override
  public DType dtype(String name) {
    DType stored = source.dtype(name);
    boolean changed = changes.containsKey(name);
    return !changed || (asStored && BlockEncoder.of(stored).isPresent()) ? stored : DType.F32;
  }

  @Override
  protected boolean isChanged(String name) {
    return changes.containsKey(name);
  }

  @Override
  protected void fill(String name, Tensor copy) {
    List<Change> here = changes.getOrDefault(name, List.of());
    Tensor stored = source.tensor(name);
    IntStream.range(0, stored.rows())
        .parallel()
        .forEach(row -> store(mergedRow(stored, row, here), copy, row));
    source.release(name);
  }

  private static float[] mergedRow(Tensor stored, int row, List<Change> changes) {
    float[] values = Conversions.row(stored, row);
    double[] sums = new double[values.length];
    for (Change change : changes) {
      for (int r = 0; r < change.rank(); r++) {
        double factor = (double) change.scale() * change.b()[row * change.rank() + r];
        int from = r * values.length;
        for (int i = 0; i < values.length; i++) {
          sums[i] += factor * change.a()[from + i];
        }
      }
    }
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (values[i] + sums[i]);
    }
    return values;
  }

  private static void store(float[] values, Tensor to, int row) {
    long at = row * to.dtype().bytes(values.length);
    if (to.dtype() == DType.F32) {
      MemorySegment.copy(values, 0, to.segment(), ValueLayout.JAVA_FLOAT, at, values.length);
      return;
    }
    BlockEncoder.of(to.dtype()).orElseThrow().encode(values, 0, values.length, to.segment(), at);
  }
}
