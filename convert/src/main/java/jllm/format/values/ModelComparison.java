package jllm.format.values;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import jllm.format.ModelConfig;
import jllm.format.ModelFile;
import jllm.format.PositionConfig;
import jllm.format.StoredTensor;
import jllm.format.WeightSource;
import jllm.format.model.ModelArchitectures;
import jllm.format.model.RowOrder;
import jllm.tensor.Tensor;

/**
 * Two models, tensor by tensor. Files of one format are compared as they are stored, by their own
 * names; models of two formats, or whose writers named hardly a tensor alike (some put {@code
 * transformer.} before all), by what their weights mean, with the names and the order of rows of
 * the first.
 */
public final class ModelComparison {
  private ModelComparison() {}

  /**
   * Compares all tensors, those of the first model in its order, then those that only the second
   * has.
   *
   * @param each receives what is found, of equal tensors, too
   * @throws IOException if a file cannot be read
   * @throws jllm.format.ModelFormatException if the formats or names differ and a model cannot be
   *     understood
   */
  public static void compare(ModelFile first, ModelFile second, Consumer<TensorDifference> each)
      throws IOException {
    if (kind(first).equals(kind(second)) && namesAgree(first, second)) {
      stored(first, second, each);
    } else {
      weights(first.weights(), second.weights(), each);
    }
  }

  /** The format without its version. */
  private static String kind(ModelFile file) {
    return file.format().split(" ", 2)[0];
  }

  /** Whether at least half of the smaller file's tensors have the name of one of the other. */
  private static boolean namesAgree(ModelFile first, ModelFile second) {
    Set<String> names = new HashSet<>();
    first.tensors().forEach(tensor -> names.add(tensor.name()));
    long common = second.tensors().stream().filter(t -> names.contains(t.name())).count();
    return 2 * common >= Math.min(first.tensors().size(), second.tensors().size());
  }

  private static void stored(ModelFile first, ModelFile second, Consumer<TensorDifference> each)
      throws IOException {
    Map<String, StoredTensor> others = new LinkedHashMap<>();
    second.tensors().forEach(tensor -> others.put(tensor.name(), tensor));
    for (StoredTensor tensor : first.tensors()) {
      StoredTensor other = others.remove(tensor.name());
      if (other == null) {
        each.accept(new TensorDifference.Missing(tensor.name(), true));
      } else if (!tensor.shape().equals(other.shape())) {
        each.accept(new TensorDifference.Shapes(tensor.name(), tensor.shape(), other.shape()));
      } else {
        each.accept(values(tensor, other));
      }
    }
    others.keySet().forEach(name -> each.accept(new TensorDifference.Missing(name, false)));
  }

  private static TensorDifference values(StoredTensor first, StoredTensor second)
      throws IOException {
    try (Arena arena = Arena.ofShared()) {
      if (isReal(first) && isReal(second)) {
        ValueDifference difference =
            ValueDifference.of(TensorValues.of(first, arena), TensorValues.of(second, arena));
        return new TensorDifference.Values(
            first.name(), first.type(), second.type(), difference, difference.isZero());
      }
      boolean equal =
          first.type().equals(second.type())
              && first
                      .file()
                      .map(first.offset(), first.bytes(), arena)
                      .mismatch(second.file().map(second.offset(), second.bytes(), arena))
                  < 0;
      return new TensorDifference.Values(first.name(), first.type(), second.type(), null, equal);
    }
  }

  private static boolean isReal(StoredTensor tensor) {
    return tensor.dtype() != null && TensorValues.areReal(tensor.dtype());
  }

  private static void weights(
      WeightSource first, WeightSource second, Consumer<TensorDifference> each) {
    Set<String> names = new LinkedHashSet<>(ModelArchitectures.weights(first.config()).keySet());
    names.addAll(ModelArchitectures.weights(second.config()).keySet());
    for (String name : names) {
      boolean inFirst = first.has(name);
      if (inFirst && second.has(name)) {
        each.accept(weight(name, first, second));
        first.release(name);
        second.release(name);
      } else if (inFirst || second.has(name)) {
        each.accept(new TensorDifference.Missing(name, inFirst));
      }
    }
  }

  private static TensorDifference weight(String name, WeightSource first, WeightSource second) {
    Tensor a = first.tensor(name);
    Tensor b = second.tensor(name);
    if (!a.shape().equals(b.shape())) {
      return new TensorDifference.Shapes(name, a.shape(), b.shape());
    }
    ValueDifference difference =
        ValueDifference.of(TensorValues.of(a), ordered(b, second.config(), first.config(), name));
    return new TensorDifference.Values(
        name, a.dtype().name(), b.dtype().name(), difference, difference.isZero());
  }

  /** Queries and keys in the order that another model keeps them in. */
  private static TensorValues ordered(
      Tensor tensor, ModelConfig config, ModelConfig wanted, String name) {
    RowOrder order =
        wanted.position() instanceof PositionConfig.Rope rope
            ? RowOrder.of(config, rope.pairing(), name)
            : null;
    return order == null ? TensorValues.of(tensor) : new OrderedValues(tensor, order);
  }
}
