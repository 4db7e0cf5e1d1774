package jllm.train.model;

import jllm.format.AttentionConfig;
import jllm.format.FeedForwardConfig;
import jllm.format.ModelConfig;
import jllm.format.NormConfig;
import jllm.format.PositionConfig;
import jllm.tensor.Activation;
import jllm.tensor.AttentionSpec;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.Routing;

/**
 * An estimate of what a training step keeps, by the operations of the model, and of the derivatives
 * of these.
 */
final class ActivationMemory {
  private final ModelConfig config;
  private final Backend backend;
  private final boolean dropout;
  private final int rows;
  private final int width;
  private final long queries;
  private final long keys;
  private final boolean rotary;
  private final DType attended;

  /**
   * @param rows B * T
   * @param dropout whether there is dropout
   */
  ActivationMemory(ModelConfig config, int rows, boolean dropout, Backend backend) {
    AttentionConfig attention = config.attention();
    this.config = config;
    this.backend = backend;
    this.dropout = dropout;
    this.rows = rows;
    this.width = config.width();
    this.queries = (long) attention.heads() * attention.headDim();
    this.keys = (long) attention.kvHeads() * attention.headDim();
    this.rotary = config.position() instanceof PositionConfig.Rope;
    this.attended =
        backend.attentionType(
            new AttentionSpec(
                attention.heads(),
                attention.kvHeads(),
                attention.headDim(),
                attention.scale(),
                attention.softCap(),
                0,
                true),
            rows);
  }

  /**
   * Bytes of a step.
   *
   * @param recompute whether what is inside blocks is computed again
   */
  long bytes(boolean recompute) {
    long layers = config.layers();
    long kept = recompute ? layers * numbers(width) + block() : layers * block();
    return (kept + around() + derivatives() + feedForwardDerivatives()) * rows;
  }

  /** Bytes of numbers of a row. */
  private long numbers(long count) {
    return backend.activationType().bytes(count);
  }

  /** The same of what products alone read. */
  private long operands(int count) {
    return backend.operandType(rows, count).bytes(count);
  }

  /**
   * The embedding, alone or with positions and their sum, or their angles; the last norm, and the
   * logits, which become their own derivative. Where products take that rounded, the logits are if
   * the loss alone reads them, or it is rounded as well.
   */
  private long around() {
    int vocabulary = config.vocabularySize();
    int rounded = backend.training().roundedColumns(vocabulary);
    long inputs = rotary ? width + config.attention().headDim() : 3L * width;
    ModelConfig.Multipliers multipliers = config.multipliers();
    boolean read = multipliers.logits() != 1 || multipliers.finalSoftCap() > 0;
    long logits = rounded == 0 || read ? numbers(vocabulary) : 0;
    return numbers(inputs) + operands(width) + logits + DType.BF16.bytes(rounded);
  }

  private long block() {
    AttentionConfig attention = config.attention();
    NormConfig.Placement norms = config.norm().placement();
    long before = norms.before() ? operands(width) + feedForwardInput() : 0;
    // Results of two sublayers, their norms, what dropout leaves of them, and two sums.
    int streams = 4 + (norms.after() ? 2 : 0) + (dropout ? 2 : 0);
    return before
        + numbers((long) streams * width + attention.heads())
        + attention(attention.queryKeyNorm())
        + feedForward();
  }

  /** Queries and keys, as they are, normed and turned; values, and the result. */
  private long attention(boolean norms) {
    long both = queries + keys;
    long projected = norms ? numbers(2 * both) : attended.bytes(both);
    return projected + attended.bytes(rotary ? 2 * both : both);
  }

  /** A norm that experts read as well as products is not rounded. */
  private long feedForwardInput() {
    return config.feedForward().routing() == null ? operands(width) : numbers(width);
  }

  private long feedForward() {
    FeedForwardConfig feedForward = config.feedForward();
    if (activatesProducts()) {
      return 2 * operands(feedForward.hidden());
    }
    if (feedForward.routing() != null) {
      return numbers(feedForwardNumbers());
    }
    long result = operands(feedForward.hidden());
    return feedForward.gated() ? 3 * result : numbers(feedForward.hidden()) + result;
  }

  /** Whether a product applies the activation and keeps its argument rounded. */
  private boolean activatesProducts() {
    FeedForwardConfig feedForward = config.feedForward();
    return feedForward.routing() == null
        && !feedForward.gated()
        && feedForward.activation() == Activation.GELU_TANH
        && backend.fused() != null
        && backend.operandType(rows, feedForward.hidden()) != backend.activationType();
  }

  private long feedForwardDerivatives() {
    FeedForwardConfig feedForward = config.feedForward();
    if (activatesProducts()) {
      return operands(feedForward.hidden());
    }
    return feedForward.routing() == null && feedForward.gated()
        ? 3 * operands(feedForward.hidden())
        : numbers(feedForwardNumbers());
  }

  private long feedForwardNumbers() {
    FeedForwardConfig feedForward = config.feedForward();
    Routing routing = feedForward.routing();
    long copies = routing == null ? 1 : routing.used();
    long inside = (feedForward.gated() ? 3L : 2L) * feedForward.hidden() * copies;
    return routing == null
        ? inside
        : inside + copies * width + 2L * feedForward.experts() + 2 * copies;
  }

  /**
   * Bytes of the derivatives that exist at once, but for the feed-forward layer's. A derivative
   * takes the memory of an earlier one of the same width and type: of the width of the residual
   * stream there are its own, which what a sublayer adds shares, and that of a norm; of attention
   * those of its result and its operands.
   */
  private long derivatives() {
    boolean alike = width == queries && attended == backend.activationType();
    long turnedKeys = rotary && keys != queries ? keys : 0;
    return numbers(alike ? width : 2L * width)
        + attended.bytes(2 * queries + 2 * keys + turnedKeys);
  }
}
