package jllm.format.model;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import jllm.format.ModelConfig;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.format.WeightNames;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import org.jspecify.annotations.Nullable;

/** Confronts what a configuration needs with what a file stores. */
final class WeightCheck {
  private final String file;
  private final Function<String, @Nullable Weight> find;
  private final UnaryOperator<String> nameInFile;
  private final Map<String, Weight> weights = new HashMap<>();

  private WeightCheck(
      String file, Function<String, @Nullable Weight> find, UnaryOperator<String> nameInFile) {
    this.file = file;
    this.find = find;
    this.nameInFile = nameInFile;
  }

  /**
   * The weights that a model needs, by our names.
   *
   * @param find a weight by our name, absent if the file has none
   * @param nameInFile what the file calls it
   * @throws ModelFormatException if one is missing, or of a wrong shape or type
   */
  static Map<String, Weight> check(
      String file,
      Family family,
      ModelConfig config,
      Function<String, @Nullable Weight> find,
      UnaryOperator<String> nameInFile) {
    WeightCheck check = new WeightCheck(file, find, nameInFile);
    WeightLayout.forEach(config, fusion(family, find), check::take);
    return check.weights;
  }

  /**
   * Tensors that nothing asked for.
   *
   * @throws ModelFormatException if there are any besides {@code ignored}: the model is then not
   *     what its metadata say, and would compute something else
   */
  static void checkNoOthers(
      String file,
      Family family,
      Iterable<StoredTensor> stored,
      Map<String, Weight> used,
      Predicate<String> ignored) {
    Set<StoredTensor> wanted = new HashSet<>();
    used.values().forEach(weight -> wanted.addAll(weight.parts()));
    for (StoredTensor tensor : stored) {
      if (!wanted.contains(tensor) && !ignored.test(tensor.name())) {
        throw new ModelFormatException(
            file
                + ": tensor "
                + tensor.name()
                + " has no place in a model of architecture "
                + family.architecture()
                + " with these settings: another kind of model, or a newer one?");
      }
    }
  }

  /** Whether matrices are fused: what the file has, or else what the family usually has. */
  private static Predicate<String> fusion(Family family, Function<String, @Nullable Weight> find) {
    return name -> {
      if (find.apply(name) != null) {
        return true;
      }
      if (name.endsWith("." + WeightNames.GATE + ".weight")) {
        return !family.fused();
      }
      String separate = name.replace(WeightNames.QUERY_KEY_VALUE, WeightNames.QUERY);
      return family.fused() && find.apply(separate) == null;
    };
  }

  private void take(String name, Shape expected) {
    Weight weight = find.apply(name);
    if (weight == null) {
      throw new ModelFormatException(file + ": tensor " + nameInFile.apply(name) + " is missing");
    }
    for (StoredTensor part : weight.parts()) {
      if (part.requireType() == DType.I32 || part.requireType() == DType.F64) {
        throw new ModelFormatException(
            "%s: tensor %s is of type %s, which is not supported for weights"
                .formatted(file, part.name(), part.type()));
      }
    }
    if (!weight.shape().equals(expected)) {
      if (weight instanceof Weight.Stored stored && sameButForOnes(weight.shape(), expected)) {
        weights.put(name, new Weight.Stored(stored.tensor(), expected));
        return;
      }
      throw new ModelFormatException(
          "%s: tensor %s has shape %s, expected %s from the metadata"
              .formatted(file, weight.parts().getFirst().name(), weight.shape(), expected));
    }
    weights.put(name, weight);
  }

  /** Whether two shapes differ in dimensions of 1 alone: some files pad vectors so. */
  private static boolean sameButForOnes(Shape found, Shape expected) {
    return found.elements() == expected.elements()
        && found.columns() == expected.columns()
        && expected.rank() == 1;
  }
}
