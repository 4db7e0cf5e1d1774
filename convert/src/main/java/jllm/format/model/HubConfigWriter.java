package jllm.format.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jllm.format.AttentionConfig;
import jllm.format.FeedForwardConfig;
import jllm.format.Json;
import jllm.format.ModelConfig;
import jllm.format.ModelFormatException;
import jllm.format.NormConfig;
import jllm.format.PositionConfig;
import jllm.format.RopeScaling;
import jllm.tensor.Activation;
import jllm.tensor.RopePairing;
import jllm.tensor.Routing;
import org.jspecify.annotations.Nullable;

/**
 * From a configuration to the {@code config.json} of a Hugging Face folder: what the reader's rows
 * take apart, put together again. The keys are those of the configuration classes of transformers.
 */
final class HubConfigWriter {
  /** The classes of the models that this program writes, by model type. */
  private static final Map<String, String> CLASSES =
      Map.ofEntries(
          Map.entry("gpt2", "GPT2LMHeadModel"),
          Map.entry("gpt_neox", "GPTNeoXForCausalLM"),
          Map.entry("llama", "LlamaForCausalLM"),
          Map.entry("mistral", "MistralForCausalLM"),
          Map.entry("mixtral", "MixtralForCausalLM"),
          Map.entry("qwen2", "Qwen2ForCausalLM"),
          Map.entry("qwen3", "Qwen3ForCausalLM"),
          Map.entry("qwen3_moe", "Qwen3MoeForCausalLM"),
          Map.entry("phi3", "Phi3ForCausalLM"),
          Map.entry("gemma", "GemmaForCausalLM"),
          Map.entry("gemma2", "Gemma2ForCausalLM"),
          Map.entry(ModelArchitectures.OWN, "JllmForCausalLM"));

  /** The frequencies of published models, which GGUF files hold as a table of divisors. */
  private static final List<RopeScaling.Llama3> PUBLISHED =
      List.of(
          new RopeScaling.Llama3(8, 1, 4, 8192), // Llama 3.1
          new RopeScaling.Llama3(32, 1, 4, 8192)); // Llama 3.2

  private static final String GPT_NEOX = "gpt_neox";
  private static final double DIVISOR_TOLERANCE = 1e-4;

  private final ModelConfig config;
  private final Family family;
  private final String modelType;
  private final Map<String, @Nullable Object> json = new LinkedHashMap<>();

  private HubConfigWriter(ModelConfig config, Family family) {
    this.config = config;
    this.family = family;
    this.modelType = modelType(config);
  }

  /** A configuration as it reads from a Hugging Face folder, whose pairing is its own. */
  static ModelConfig normalized(ModelConfig config) {
    if (!(config.position() instanceof PositionConfig.Rope rope)) {
      return config;
    }
    RopeScaling scaling =
        rope.scaling() instanceof RopeScaling.Divisors divisors
            ? published(divisors, rope, config.contextLength())
            : rope.scaling();
    return new ModelConfig(
        config.architecture(),
        config.vocabularySize(),
        config.contextLength(),
        config.width(),
        config.layers(),
        config.attention(),
        config.feedForward(),
        config.norm(),
        new PositionConfig.Rope(
            rope.base(), rope.localBase(), rope.dimensions(), RopePairing.HALF_SPLIT, scaling),
        config.multipliers(),
        config.parallelResidual(),
        config.tiedOutput());
  }

  /** The formula that a table of divisors came from, or the table where none is known. */
  private static RopeScaling published(
      RopeScaling.Divisors divisors, PositionConfig.Rope rope, int context) {
    double[] found = divisors.scale(ones(rope), rope, context);
    for (RopeScaling.Llama3 formula : PUBLISHED) {
      PositionConfig.Rope candidate =
          new PositionConfig.Rope(
              rope.base(), rope.localBase(), rope.dimensions(), rope.pairing(), formula);
      PositionConfig.Rope plain =
          new PositionConfig.Rope(
              rope.base(),
              rope.localBase(),
              rope.dimensions(),
              rope.pairing(),
              new RopeScaling.None());
      double[] scaled = candidate.frequencies(false, context);
      double[] unscaled = plain.frequencies(false, context);
      boolean same = divisors.sameForAllLengths() && divisors.magnitude() == 1;
      for (int pair = 0; pair < found.length; pair++) {
        double expected = scaled[pair] / unscaled[pair];
        same &= Math.abs(found[pair] - expected) <= DIVISOR_TOLERANCE * expected;
      }
      if (same) {
        return formula;
      }
    }
    return divisors;
  }

  private static double[] ones(PositionConfig.Rope rope) {
    double[] ones = new double[rope.dimensions() / 2];
    Arrays.fill(ones, 1);
    return ones;
  }

  /** Whether a folder of the configuration's architecture reads back as the configuration. */
  static boolean expresses(ModelConfig config) {
    try {
      write(config);
      return true;
    } catch (IllegalArgumentException | ModelFormatException e) {
      return false;
    }
  }

  /**
   * The entries of {@code config.json}.
   *
   * @throws IllegalArgumentException if they would not read back as the configuration, or
   *     transformers would take them for another model
   */
  static Map<String, @Nullable Object> write(ModelConfig config) {
    ModelConfig normal = normalized(config);
    Family family = Families.of(normal, "a Hugging Face folder");
    HubConfigWriter writer = new HubConfigWriter(normal, family);
    writer.write();
    writer.check();
    return writer.json;
  }

  private static String modelType(ModelConfig config) {
    String architecture = config.architecture();
    boolean llama = architecture.equals("llama");
    if (llama && config.feedForward().experts() > 0) {
      return "mixtral";
    }
    if (llama || architecture.equals(ModelArchitectures.OWN)) {
      return config.attention().window() > 0 && llama ? "mistral" : architecture;
    }
    return Families.require(architecture, "a Hugging Face folder").modelTypes().getFirst();
  }

  private void write() {
    String modelClass = CLASSES.get(modelType);
    if (modelClass == null) {
      throw new IllegalArgumentException(
          "Hugging Face folders of architecture %s are not written; known are %s"
              .formatted(config.architecture(), CLASSES.keySet().stream().sorted().toList()));
    }
    json.put("architectures", List.of(modelClass));
    json.put("model_type", modelType);
    json.put("vocab_size", config.vocabularySize());
    if (modelType.equals("gpt2")) {
      gpt2();
    } else {
      sizes();
      attention(config.attention());
      experts(config.feedForward());
      rope();
    }
    if (modelType.equals(ModelArchitectures.OWN)) {
      HubOwn.write(config, json);
    }
    String activation = activation(config.feedForward().activation());
    json.put(family.hub().activationKey(), activation);
    if (modelType.startsWith("gemma")) {
      json.put("hidden_act", activation); // has no meaning, but is there
    }
    boolean rms = config.norm().kind() == NormConfig.Kind.RMS;
    String layerNorm = modelType.equals(GPT_NEOX) ? "layer_norm_eps" : "layer_norm_epsilon";
    json.put(rms ? "rms_norm_eps" : layerNorm, config.norm().eps());
    json.put("tie_word_embeddings", config.tiedOutput());
    json.put("use_cache", true);
  }

  private void gpt2() {
    json.put("n_positions", config.contextLength());
    json.put("n_ctx", config.contextLength());
    json.put("n_embd", config.width());
    json.put("n_layer", config.layers());
    json.put("n_head", config.attention().heads());
    json.put("n_inner", config.feedForward().hidden());
    for (String dropout : List.of("resid_pdrop", "embd_pdrop", "attn_pdrop")) {
      json.put(dropout, 0.0);
    }
  }

  private void sizes() {
    json.put("max_position_embeddings", config.contextLength());
    json.put("hidden_size", config.width());
    json.put("num_hidden_layers", config.layers());
    json.put("intermediate_size", config.feedForward().hidden());
  }

  private void attention(AttentionConfig attention) {
    json.put("num_attention_heads", attention.heads());
    json.put("num_key_value_heads", attention.kvHeads());
    json.put("head_dim", attention.headDim());
    json.put("attention_dropout", 0.0);
    if (family.window() != null) {
      json.put("sliding_window", attention.window() == 0 ? null : attention.window());
    } else if (modelType.startsWith("qwen")) {
      json.put("use_sliding_window", false);
    }
    if (modelType.equals("llama")) {
      json.put("attention_bias", attention.inputBias());
      json.put("mlp_bias", config.feedForward().bias());
    }
    if (modelType.equals(GPT_NEOX)) {
      json.put("attention_bias", attention.inputBias());
      json.put("use_parallel_residual", config.parallelResidual());
    }
    if (family.caps() != null) {
      json.put("attn_logit_softcapping", attention.softCap());
      json.put("final_logit_softcapping", config.multipliers().finalSoftCap());
      json.put("query_pre_attn_scalar", queryScalar(attention.scale()));
    }
  }

  /** The number whose inverse square root is the scale: whole, if one comes to the same float. */
  private static Number queryScalar(float scale) {
    double exact = 1 / ((double) scale * scale);
    long whole = Math.round(exact);
    return (float) (1 / Math.sqrt(whole)) == scale ? (Number) whole : (Number) exact;
  }

  private void experts(FeedForwardConfig feedForward) {
    Routing routing = feedForward.routing();
    if (routing != null) {
      boolean qwen = modelType.equals("qwen3_moe");
      json.put(qwen ? "num_experts" : "num_local_experts", feedForward.experts());
      if (qwen) {
        json.put("moe_intermediate_size", feedForward.hidden());
        json.put("decoder_sparse_step", 1);
        json.put("mlp_only_layers", List.of());
      }
      json.put("num_experts_per_tok", routing.used());
      json.put("norm_topk_prob", routing.renormalize());
    }
  }

  private void rope() {
    if (!(config.position() instanceof PositionConfig.Rope rope)) {
      return;
    }
    boolean neox = modelType.equals(GPT_NEOX);
    json.put(neox ? "rotary_emb_base" : "rope_theta", rope.base());
    double share = (double) rope.dimensions() / config.attention().headDim();
    if (neox || share != 1) {
      json.put(neox ? "rotary_pct" : "partial_rotary_factor", share);
    }
    if (modelType.equals("phi3") && rope.scaling() instanceof RopeScaling.Divisors divisors) {
      phi3Scaling(divisors);
      return;
    }
    json.put("rope_scaling", scaling(rope.scaling()));
  }

  /** Its class wants three entries, and derives the magnitude from the contexts. */
  private void phi3Scaling(RopeScaling.Divisors divisors) {
    int original = divisors.originalContext();
    json.put("original_max_position_embeddings", original);
    Map<String, Object> entries = new LinkedHashMap<>();
    entries.put("type", "longrope");
    entries.put("short_factor", floats(divisors.shortDivisors()));
    entries.put("long_factor", floats(divisors.longDivisors()));
    double derived = HubRope.longMagnitude((double) config.contextLength() / original, original);
    if ((float) derived != divisors.magnitude()) {
      entries.put("attention_factor", divisors.magnitude());
    }
    json.put("rope_scaling", entries);
  }

  private static @Nullable Map<String, Object> scaling(RopeScaling scaling) {
    Map<String, Object> entries = new LinkedHashMap<>();
    switch (scaling) {
      case RopeScaling.None _ -> {
        return null;
      }
      case RopeScaling.Linear linear -> {
        entries.put("rope_type", "linear");
        entries.put("factor", linear.factor());
      }
      case RopeScaling.Llama3 llama3 -> {
        entries.put("rope_type", "llama3");
        entries.put("factor", llama3.factor());
        entries.put("low_freq_factor", llama3.lowFrequencyFactor());
        entries.put("high_freq_factor", llama3.highFrequencyFactor());
        entries.put("original_max_position_embeddings", llama3.originalContext());
      }
      case RopeScaling.Yarn yarn -> {
        entries.put("rope_type", "yarn");
        entries.put("factor", yarn.factor());
        entries.put("original_max_position_embeddings", yarn.originalContext());
        entries.put("beta_fast", yarn.betaFast());
        entries.put("beta_slow", yarn.betaSlow());
        entries.put("attention_factor", yarn.attentionFactor());
      }
      case RopeScaling.Divisors divisors -> {
        entries.put("rope_type", "longrope");
        entries.put("short_factor", floats(divisors.shortDivisors()));
        entries.put("long_factor", floats(divisors.longDivisors()));
        entries.put("original_max_position_embeddings", divisors.originalContext());
        entries.put("attention_factor", divisors.magnitude());
      }
    }
    return entries;
  }

  private static List<Float> floats(float[] values) {
    List<Float> list = new ArrayList<>();
    for (float value : values) {
      list.add(value);
    }
    return list;
  }

  private String activation(Activation activation) {
    return switch (activation) {
      case SILU -> "silu";
      case GELU_TANH -> modelType.startsWith("gemma") ? "gelu_pytorch_tanh" : "gelu_new";
      case GELU_ERF -> "gelu";
      case RELU -> "relu";
    };
  }

  /** What the rows of the table say is not in the file: a configuration may differ there. */
  private void check() {
    checkBiases();
    Set<String> names = new HashSet<>();
    WeightLayout.forEach(config, family::usuallyHas, (name, _) -> names.add(name));
    String file = "the new config.json";
    HubConfig written = new HubConfig(file, Json.parse(file, Json.format(json)));
    HubParameters parameters = new HubParameters(written, family);
    ModelConfig read =
        ConfigReader.read(
            family, parameters, config.vocabularySize(), config.tiedOutput(), names::contains);
    if (!read.equals(config)) {
      throw inexpressible(config + " would read back as " + read);
    }
  }

  /** Our reader looks which biases there are; transformers goes by the model type. */
  private void checkBiases() {
    boolean input = config.attention().inputBias();
    boolean output = config.attention().outputBias();
    boolean feedForward = config.feedForward().bias();
    boolean norm = config.norm().bias();
    boolean fits =
        switch (modelType) {
          case "gpt2" -> input && output && feedForward && norm;
          case GPT_NEOX -> input == output && feedForward && norm;
          case "llama" -> input == output;
          case "qwen2" -> input && !output && !feedForward;
          case "mistral", "mixtral", "qwen3", "qwen3_moe", "phi3", "gemma", "gemma2" ->
              !input && !output && !feedForward;
          default -> true;
        };
    if (!fits) {
      throw inexpressible("it has other biases");
    }
    if (family.norm() == NormConfig.Kind.LAYER
        && family.fused()
        && config.attention().kvHeads() != config.attention().heads()) {
      throw inexpressible("its heads share keys and values");
    }
  }

  private IllegalArgumentException inexpressible(String reason) {
    return new IllegalArgumentException(
        "Hugging Face folders of model type %s cannot express this model: %s"
            .formatted(modelType, reason));
  }
}
