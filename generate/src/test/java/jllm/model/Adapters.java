package jllm.model;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import jllm.format.WeightSource;
import jllm.format.lora.LoraAdapter;
import jllm.format.lora.LoraOrigin;
import jllm.format.lora.LoraPair;
import jllm.format.model.LinearLayers;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;

/** Random adapters of all linear layers of a model. */
final class Adapters {
  private Adapters() {}

  /**
   * An adapter of that rank.
   *
   * @param type F32 or F64
   * @param size about that of the elements of B; 0 = all zero
   */
  static LoraAdapter random(WeightSource base, int rank, DType type, double size, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Arena arena = Arena.ofShared();
    Map<String, LoraPair> pairs = new LinkedHashMap<>();
    for (LinearLayers.Layer layer : LinearLayers.of(base).all()) {
      int inputs = layer.shape().dim(1);
      Tensor a = Tensor.allocate(arena, type, Shape.of(rank, inputs));
      Tensor b = Tensor.allocate(arena, type, Shape.of(layer.shape().dim(0), rank));
      fill(a, random, 1 / Math.sqrt(inputs));
      fill(b, random, size);
      pairs.put(layer.name(), new LoraPair(a, b, 1.5 * rank, false));
    }
    return new LoraAdapter("random", LoraOrigin.UNKNOWN, pairs, arena);
  }

  private static void fill(Tensor tensor, SplittableRandom random, double size) {
    for (long i = 0; i < tensor.shape().elements(); i++) {
      double value = size * random.nextGaussian();
      if (tensor.dtype() == DType.F64) {
        tensor.segment().setAtIndex(ValueLayout.JAVA_DOUBLE, i, value);
      } else {
        tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) value);
      }
    }
  }
}
