package jllm.format.lora;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.format.model.LinearLayers;
import jllm.format.model.LinearLayers.Layer;
import jllm.tensor.DType;
import jllm.tensor.Tensor;
import jllm.tensor.quant.Conversions;
import org.jspecify.annotations.Nullable;

/** The low-rank matrices of an adapter's file, and complaints about those that do not fit. */
final class StoredPairs {
  /** How many names a message has. */
  private static final int NAMED = 4;

  private final String file;
  private final LinearLayers layers;
  private final Map<Layer, StoredTensor> first = new LinkedHashMap<>();
  private final Map<Layer, StoredTensor> second = new LinkedHashMap<>();
  private final Set<String> unknown = new TreeSet<>();

  /** Puts rows of a file into the order of the model. */
  @FunctionalInterface
  interface Ordering {
    Tensor order(Layer layer, Tensor rows, Arena arena);
  }

  /** What the scale of a layer is computed from. */
  @FunctionalInterface
  interface Alphas {
    double of(Layer layer, int rank);
  }

  StoredPairs(String file, LinearLayers layers) {
    this.file = file;
    this.layers = layers;
  }

  /**
   * Adds a matrix.
   *
   * @param layer that it belongs to, absent if the model has none such
   * @param isA whether it is the one that the inputs meet
   */
  void add(@Nullable Layer layer, boolean isA, StoredTensor tensor) {
    if (layer == null) {
      unknown.add(tensor.name());
    } else {
      (isA ? first : second).put(layer, tensor);
    }
  }

  /**
   * Reads all of them, in the order of the model.
   *
   * @throws ModelFormatException if some do not fit the model
   */
  Map<String, LoraPair> read(Alphas alphas, boolean rankStabilized, Ordering ordering, Arena arena)
      throws IOException {
    if (!unknown.isEmpty()) {
      throw new ModelFormatException(
          "%s: has tensors for which there is no place: %s. What an adapter can change in this model are the linear layers %s%s"
              .formatted(
                  file,
                  some(unknown),
                  String.join(", ", layers.moduleNames()),
                  layers.config().feedForward().experts() > 0 ? ", not experts or routers" : ""));
    }
    Map<String, LoraPair> pairs = new LinkedHashMap<>();
    for (Layer layer : layers.all()) {
      StoredTensor a = first.get(layer);
      StoredTensor b = second.get(layer);
      if (a != null && b != null) {
        requireFit(layer, a, b);
        Tensor ordered = ordering.order(layer, load(b, arena), arena);
        double alpha = alphas.of(layer, a.shape().dim(0));
        pairs.put(layer.name(), new LoraPair(load(a, arena), ordered, alpha, rankStabilized));
      } else if (a != null || b != null) {
        StoredTensor alone = a == null ? b : a;
        throw new ModelFormatException(
            "%s: %s is one of two matrices, but the other is missing"
                .formatted(file, alone == null ? layer.name() : alone.name()));
      }
    }
    if (pairs.isEmpty()) {
      throw new ModelFormatException(file + ": holds no low-rank matrices");
    }
    return pairs;
  }

  private static String some(Collection<String> names) {
    String shown = String.join(", ", names.stream().limit(NAMED).toList());
    return names.size() <= NAMED ? shown : shown + " and " + (names.size() - NAMED) + " more";
  }

  private void requireFit(Layer layer, StoredTensor a, StoredTensor b) {
    int outputs = layer.shape().dim(0);
    int inputs = layer.shape().dim(1);
    boolean fit =
        a.shape().rank() == 2
            && b.shape().rank() == 2
            && a.shape().dim(1) == inputs
            && b.shape().dim(0) == outputs
            && a.shape().dim(0) == b.shape().dim(1);
    if (!fit) {
      throw new ModelFormatException(
          "%s: %s and %s have shapes %s and %s, expected [rank, %d] and [%d, rank]: the adapter is for another model"
              .formatted(file, a.name(), b.name(), a.shape(), b.shape(), inputs, outputs));
    }
  }

  private Tensor load(StoredTensor stored, Arena arena) throws IOException {
    try (Arena mapping = Arena.ofConfined()) {
      MemorySegment bytes = mapping.allocate(stored.bytes(), Tensor.ALIGNMENT);
      bytes.copyFrom(stored.map(mapping));
      Tensor values =
          Conversions.convert(
              Tensor.of(bytes, stored.requireType(), stored.shape()), DType.F32, arena);
      for (long i = 0; i < values.shape().elements(); i++) {
        if (!Float.isFinite(values.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i))) {
          throw new ModelFormatException(
              "%s: %s holds numbers that are not finite".formatted(file, stored.name()));
        }
      }
      return values;
    }
  }
}
