package jllm.quantize;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jllm.format.ModelConfig;
import jllm.format.StoredTensor;
import jllm.format.WeightNames;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import org.jspecify.annotations.Nullable;

/**
 * Which tensor gets which type, as llama.cpp's {@code llama-quant.cpp} (February 2025) decides it
 * without an importance matrix: matrices are quantized, except small ones that a model is sensitive
 * to; the output layer gets a larger type, and in the mixtures the value and down projections of
 * some layers do.
 */
public final class Recipe {
  private static final String SUFFIX = "weight";
  private static final Pattern LAYER = Pattern.compile("blk\\.(\\d+)\\..*");

  /** Matrices that are kept, by parts of their names. */
  private static final List<String> KEPT =
      List.of(
          "_norm.weight",
          "ffn_gate_inp.weight",
          "ssm_conv1d.weight",
          "time_mix_first.weight",
          "time_mix_w1.weight",
          "time_mix_w2.weight",
          "time_mix_decay_w1.weight",
          "time_mix_decay_w2.weight",
          "time_mix_lerp_fused.weight",
          "attn_rel_b.weight");

  private final QuantizationOptions options;
  private final ModelTraits traits;
  private final Mixture mixture;
  private final boolean hasOutput;

  private Recipe(QuantizationOptions options, ModelTraits traits, Map<String, Shape> tensors) {
    this.options = options;
    this.traits = traits;
    this.hasOutput = tensors.containsKey(WeightNames.OUTPUT);
    long values = tensors.keySet().stream().filter(Mixture::isValue).count();
    this.mixture = new Mixture(options.type(), traits, (int) values);
  }

  /**
   * The types of the weights of a model that is yet to be made; those that are not quantized are in
   * F32.
   *
   * @param weights all names, with their shapes
   */
  public static Map<String, DType> types(
      QuantizationOptions options, ModelConfig config, Map<String, Shape> weights) {
    Map<String, DType> wanted = wanted(options, ModelTraits.of(config), weights);
    Map<String, DType> types = new HashMap<>();
    weights.forEach((name, shape) -> {
      DType type = wanted.get(name);
      types.put(name, type == null ? DType.F32 : Fallbacks.fitting(type, shape.columns()));
    });
    return types;
  }

  /** The plans of all tensors, in their order. */
  static List<TensorPlan> plan(
      QuantizationOptions options, ModelTraits traits, List<StoredTensor> tensors) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    tensors.forEach(tensor -> shapes.put(tensor.name(), tensor.shape()));
    Map<String, DType> wanted = wanted(options, traits, shapes);
    return tensors.stream().map(tensor -> plan(tensor, wanted.get(tensor.name()))).toList();
  }

  private static TensorPlan plan(StoredTensor tensor, @Nullable DType wanted) {
    if (wanted == null) {
      return new TensorPlan(tensor, null, false);
    }
    DType type = Fallbacks.fitting(wanted, tensor.shape().columns());
    boolean same = type.name().equals(tensor.type());
    return new TensorPlan(tensor, same ? null : type, type != wanted);
  }

  /** What is meant for the tensors that are quantized, whether or not its blocks divide a row. */
  private static Map<String, DType> wanted(
      QuantizationOptions options, ModelTraits traits, Map<String, Shape> tensors) {
    Recipe recipe = new Recipe(options, traits, tensors);
    // What a layer gets may depend on how many there were before it: go by layers, whatever the
    // order of the file.
    List<String> sorted = new ArrayList<>(tensors.keySet());
    sorted.sort(Comparator.comparingInt(Recipe::layer).thenComparing(Comparator.naturalOrder()));
    Map<String, DType> types = new HashMap<>();
    for (String name : sorted) {
      Shape shape = Objects.requireNonNull(tensors.get(name));
      if (isQuantizable(name, shape)) {
        types.put(name, recipe.wanted(name, shape.columns()));
      }
    }
    return types;
  }

  /** The number of a tensor's layer, -1 if it is in none. */
  static int layer(String name) {
    Matcher matcher = LAYER.matcher(name);
    return matcher.matches() ? Integer.parseInt(matcher.group(1)) : -1;
  }

  private static boolean isQuantizable(String name, Shape shape) {
    boolean matrix = shape.elements() > shape.columns();
    return matrix
        && name.endsWith(SUFFIX)
        && !name.equals(WeightNames.POSITION_EMBEDDING)
        && !name.equals("token_types.weight")
        && KEPT.stream().noneMatch(name::contains);
  }

  private DType wanted(String name, long columns) {
    for (QuantizationOptions.Override override : options.overrides()) {
      if (override.name().matcher(name).find()) {
        return override.type();
      }
    }
    boolean embedding = name.equals(WeightNames.TOKEN_EMBEDDING);
    boolean output = name.equals(WeightNames.OUTPUT);
    DType embeddingType = options.embedding();
    if (embedding && embeddingType != null) {
      return embeddingType;
    }
    DType base = options.type().base();
    boolean mixed = base.isQuantized() && !options.pure();
    DType outputType = options.output();
    if (outputType != null && (output || mixed && embedding && !hasOutput)) {
      return outputType;
    }
    if (!mixed) {
      return base;
    }
    // A model without an output layer uses the embedding for it.
    return output || embedding && !hasOutput
        ? outputType(base, columns)
        : embedding ? base : mixture.typeOf(name);
  }

  private DType outputType(DType base, long columns) {
    boolean exact = traits.architecture().equals("falcon") || !base.divides(columns);
    return exact || base == DType.Q8_0 ? DType.Q8_0 : DType.Q6_K;
  }
}
