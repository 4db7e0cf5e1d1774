package jllm.cli;

import java.nio.file.Path;
import jllm.format.NormConfig;
import jllm.tensor.Activation;
import jllm.train.model.ModelOverrides;
import jllm.train.model.ModelPresets;
import jllm.train.model.ModelShape;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which model is trained: a shape, fields of it replaced, or one that exists. */
final class PretrainModelOptions {
  private static final String DEFAULT_PRESET = "nano";

  /** Kinds of norms, by the names that people use. */
  enum NormName {
    RMS(NormConfig.Kind.RMS),
    RMSNORM(NormConfig.Kind.RMS),
    LAYER(NormConfig.Kind.LAYER),
    LAYERNORM(NormConfig.Kind.LAYER);

    private final NormConfig.Kind kind;

    NormName(NormConfig.Kind kind) {
      this.kind = kind;
    }
  }

  /** Activations; those of a gated feed-forward layer have a gate beside them. */
  enum ActivationName {
    SILU(Activation.SILU, true),
    SWIGLU(Activation.SILU, true),
    GELU(Activation.GELU_TANH, false),
    GEGLU(Activation.GELU_TANH, true),
    GELU_ERF(Activation.GELU_ERF, false),
    RELU(Activation.RELU, false);

    private final Activation activation;
    private final boolean gated;

    ActivationName(Activation activation, boolean gated) {
      this.activation = activation;
      this.gated = gated;
    }
  }

  /** Which linear layers have biases. */
  enum BiasName {
    NONE(ModelShape.Bias.NONE),
    QKV(ModelShape.Bias.QUERY_KEY_VALUE),
    ALL(ModelShape.Bias.ALL);

    private final ModelShape.Bias bias;

    BiasName(ModelShape.Bias bias) {
      this.bias = bias;
    }
  }

  @Option(
      names = "--preset",
      paramLabel = "NAME",
      description =
          "A shape by name: nano, gpt2-small/medium/large/xl, llama-tiny, llama-15m, llama-42m,"
              + " llama-110m, llama-300m, llama-1b, llama-8b, gopher-44m/117m/417m/1.4b/7.1b/280b."
              + " Default: nano.")
  private @Nullable String preset;

  @Option(
      names = "--depth",
      paramLabel = "N",
      description = "A Llama of N layers, N heads of 64 components: one dial for the size.")
  private @Nullable Integer depth;

  @Option(
      names = "--init-from",
      paramLabel = "MODEL",
      description = "Go on with the weights of a model: GGUF, a Hugging Face folder, a checkpoint.")
  @Nullable Path initFrom;

  @Option(
      names = "--vocab-size",
      paramLabel = "N",
      description =
          "Rows of the token embedding. Default: the tokenizer's tokens, or what the shards need.")
  @Nullable Integer vocabulary;

  @Option(names = "--n-layer", paramLabel = "N", description = "Blocks.")
  private @Nullable Integer layers;

  @Option(names = "--n-head", paramLabel = "N", description = "Query heads.")
  private @Nullable Integer heads;

  @Option(names = "--n-kv-head", paramLabel = "N", description = "Key/value heads.")
  private @Nullable Integer kvHeads;

  @Option(
      names = {"--d-model", "--n-embd"},
      paramLabel = "N",
      description = "Width of the residual stream.")
  private @Nullable Integer width;

  @Option(names = "--d-ff", paramLabel = "N", description = "Width of the feed-forward layers.")
  private @Nullable Integer hidden;

  @Option(names = "--context", paramLabel = "N", description = "Positions of the model.")
  private @Nullable Integer context;

  @Option(names = "--norm", paramLabel = "KIND", description = "rms or layer.")
  private @Nullable NormName norm;

  @Option(
      names = "--activation",
      paramLabel = "KIND",
      description = "silu or geglu (with a gate), gelu, gelu_erf, relu.")
  private @Nullable ActivationName activation;

  @Option(names = "--position", paramLabel = "KIND", description = "rope, learned or sinusoidal.")
  private ModelShape.@Nullable Position position;

  @Option(names = "--rope-theta", paramLabel = "F", description = "Base of the rotary positions.")
  private @Nullable Double ropeTheta;

  @Option(names = "--bias", paramLabel = "WHERE", description = "none, qkv or all.")
  private @Nullable BiasName bias;

  @Option(
      names = "--tie-embeddings",
      negatable = true,
      description = "The output layer is the token embedding, or not.")
  private @Nullable Boolean tied;

  @Option(names = "--experts", paramLabel = "N", description = "Experts of each block; 0 = none.")
  private @Nullable Integer experts;

  @Option(
      names = "--experts-per-token",
      paramLabel = "N",
      description = "Experts that a token goes to. Default: 2.")
  private @Nullable Integer expertsUsed;

  /** Refuses what contradicts each other. */
  void check() {
    if (preset != null && depth != null) {
      throw new UsageException("--preset and --depth are both shapes of a model; choose one");
    }
    boolean shaped = preset != null || depth != null || !overrides().isEmpty();
    if (initFrom != null && shaped) {
      throw new UsageException(
          "the model of --init-from has a shape already; leave out --preset, --depth and the options"
              + " of single fields");
    }
  }

  /** The shape that was asked for. */
  ModelShape shape() {
    ModelShape shape =
        depth != null
            ? ModelPresets.ofDepth(depth)
            : ModelPresets.named(preset == null ? DEFAULT_PRESET : preset);
    return shape.with(overrides());
  }

  private ModelOverrides overrides() {
    return new ModelOverrides(
        layers,
        heads,
        kvHeads,
        width,
        hidden,
        context,
        norm == null ? null : norm.kind,
        activation == null ? null : activation.activation,
        activation == null ? null : activation.gated,
        position,
        bias == null ? null : bias.bias,
        tied,
        experts,
        expertsUsed,
        ropeTheta);
  }
}
