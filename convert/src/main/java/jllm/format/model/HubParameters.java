package jllm.format.model;

import jllm.format.RopeScaling;
import jllm.tensor.Activation;
import jllm.tensor.RopePairing;
import org.jspecify.annotations.Nullable;

/** The hyperparameters in the {@code config.json} of a Hugging Face model. */
final class HubParameters implements Parameters {
  private final HubConfig config;
  private final Family family;
  private final HubRope rope;

  HubParameters(HubConfig config, Family family) {
    this.config = config;
    this.family = family;
    this.rope = new HubRope(config, family.hub().rotaryShare());
  }

  @Override
  public String file() {
    return config.file();
  }

  @Override
  public String key(Parameter parameter) {
    return parameter.jsonKeys().stream()
        .filter(config::has)
        .findFirst()
        .orElse(
            parameter.jsonKeys().isEmpty() ? parameter.name() : parameter.jsonKeys().getFirst());
  }

  @Override
  public @Nullable Long integer(Parameter parameter) {
    return switch (parameter) {
      case WINDOW -> window();
      case ROPE_DIMENSIONS -> ropeDimensions();
      default -> given(parameter);
    };
  }

  private @Nullable Long given(Parameter parameter) {
    for (String key : parameter.jsonKeys()) {
      if (config.has(key)) {
        return config.integer(key);
      }
    }
    return null;
  }

  /** Unlike in GGUF, no window in the configuration means no window. */
  private Long window() {
    Long window = given(Parameter.WINDOW);
    return window == null || !config.bool("use_sliding_window", true) ? Long.valueOf(0) : window;
  }

  private @Nullable Long ropeDimensions() {
    double share = rope.partialFactor();
    if (share == 1) {
      return null;
    }
    Long headDim = given(Parameter.HEAD_DIM);
    long dim = headDim != null ? headDim : size(Parameter.WIDTH) / size(Parameter.HEADS);
    return (long) (dim * share);
  }

  @Override
  public @Nullable Double real(Parameter parameter) {
    return switch (parameter) {
      case ROPE_BASE -> rope.base();
      case ATTENTION_SCALE -> attentionScale();
      case ATTENTION_CAP, FINAL_CAP -> config.real(parameter.jsonKeys().getFirst(), 0);
      default -> {
        for (String key : parameter.jsonKeys()) {
          if (config.has(key)) {
            yield config.real(key);
          }
        }
        yield null;
      }
    };
  }

  private @Nullable Double attentionScale() {
    Double scalar = config.real("query_pre_attn_scalar");
    if (scalar != null && scalar <= 0) {
      throw config.error("query_pre_attn_scalar is " + scalar + ", expected a number above 0");
    }
    return scalar == null ? null : Double.valueOf(1 / Math.sqrt(scalar));
  }

  /** The rows of their matrices are not rearranged, as GGUF converters do for Llama. */
  @Override
  public RopePairing pairing(RopePairing inGguf) {
    return RopePairing.HALF_SPLIT;
  }

  @Override
  public boolean sinusoidal() {
    return HubOwn.position(config).equals(HubOwn.SINUSOIDAL);
  }

  @Override
  public boolean parallelResidual(boolean usual) {
    return config.bool(GgufParameters.PARALLEL_RESIDUAL, usual);
  }

  @Override
  public @Nullable Activation activation() {
    String name = config.text(family.hub().activationKey());
    return switch (name) {
      case null -> null;
      case "silu", "swish" -> Activation.SILU;
      case "gelu_new", "gelu_pytorch_tanh", "gelu_fast" -> Activation.GELU_TANH;
      case "gelu" -> Activation.GELU_ERF;
      case "relu" -> Activation.RELU;
      default ->
          throw config.error(
              family.hub().activationKey()
                  + " is "
                  + name
                  + "; known are silu, gelu, gelu_new, gelu_pytorch_tanh, gelu_fast and relu");
    };
  }

  /** Mixtral's always do, Qwen's where the configuration says so. */
  @Override
  public boolean renormalizesExperts() {
    return config.bool("norm_topk_prob", !"qwen3_moe".equals(config.text("model_type")));
  }

  @Override
  public RopeScaling ropeScaling(int dimensions, int contextLength) {
    return rope.read(dimensions, contextLength);
  }

  /**
   * Variants within these families that would compute something else.
   *
   * @throws jllm.format.ModelFormatException if the configuration asks for one
   */
  void checkSupported(int layers) {
    HubConfig quantization = config.object("quantization_config");
    refuse(
        quantization != null,
        "weights quantized by " + (quantization == null ? "" : quantization.text("quant_method")));
    refuse(
        config.bool("scale_attn_by_inverse_layer_idx", false), "scale_attn_by_inverse_layer_idx");
    refuse(!config.bool("scale_attn_weights", true), "scale_attn_weights = false");
    refuse(config.bool("add_cross_attention", false), "add_cross_attention");
    refuse(config.has("clip_qkv"), "clip_qkv");
    refuse(!config.list("mlp_only_layers").isEmpty(), "mlp_only_layers");
    Long sparseStep = config.integer("decoder_sparse_step");
    refuse(sparseStep != null && sparseStep != 1, "decoder_sparse_step = " + sparseStep);
    Long fullLayers = config.integer("max_window_layers");
    boolean someSlide =
        config.bool("use_sliding_window", false)
            && config.has("sliding_window")
            && (fullLayers == null || fullLayers < layers);
    refuse(family.window() == null && someSlide, "sliding windows in a part of the layers");
  }

  private void refuse(boolean found, String what) {
    if (found) {
      throw config.error(what + ": not supported");
    }
  }
}
