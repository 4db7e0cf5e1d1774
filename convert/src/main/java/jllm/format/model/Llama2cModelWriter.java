package jllm.format.model;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import jllm.format.AttentionConfig;
import jllm.format.FeedForwardConfig;
import jllm.format.ModelConfig;
import jllm.format.ModelFormatException;
import jllm.format.NormConfig;
import jllm.format.PendingFile;
import jllm.format.PositionConfig;
import jllm.format.RopeScaling;
import jllm.format.WeightNames;
import jllm.format.WeightSource;
import jllm.format.WriteListener;
import jllm.tensor.Activation;
import jllm.tensor.DType;
import jllm.tensor.RopePairing;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;

/**
 * Writes a Llama as a checkpoint of llama2.c, version 0: seven numbers, then each kind of weight in
 * float32 for all layers ({@code export.py} and {@code run.c} of llama2.c).
 */
public final class Llama2cModelWriter {
  private static final double BASE = 10_000;
  private static final float EPS = 1e-5f;
  private static final int HEADER = 7 * Integer.BYTES;

  private final WeightSource source;
  private final ModelConfig config;
  private final List<Named> tensors = new ArrayList<>();

  /** A tensor of the file, which has no names. */
  public record Named(String name, Shape shape) {}

  /**
   * Plans a file; nothing is written and no weight looked at.
   *
   * @param source weights in F32
   * @throws ModelFormatException if {@code run.c} would compute something else
   */
  public Llama2cModelWriter(WeightSource source) {
    this.source = source;
    this.config = source.config();
    check();
    int width = config.width();
    int keys = config.attention().kvHeads() * config.attention().headDim();
    int hidden = config.feedForward().hidden();
    add(WeightNames.TOKEN_EMBEDDING, config.vocabularySize(), width);
    block(WeightNames.ATTENTION_NORM, width);
    block(WeightNames.QUERY, width, width);
    block(WeightNames.KEY, keys, width);
    block(WeightNames.VALUE, keys, width);
    block(WeightNames.ATTENTION_OUTPUT, width, width);
    block(WeightNames.FEED_FORWARD_NORM, width);
    block(WeightNames.GATE, hidden, width);
    block(WeightNames.DOWN, width, hidden);
    block(WeightNames.UP, hidden, width);
    add(WeightNames.OUTPUT_NORM + ".weight", width);
    if (!config.tiedOutput()) {
      add(WeightNames.OUTPUT, config.vocabularySize(), width);
    }
  }

  private void check() {
    AttentionConfig attention = config.attention();
    FeedForwardConfig feedForward = config.feedForward();
    require(config.architecture().equals("llama"), "architecture " + config.architecture());
    require(feedForward.experts() == 0, "experts");
    require(
        attention.heads() * attention.headDim() == config.width(), "heads of a width of their own");
    require(attention.window() == 0, "a sliding window");
    require(!attention.inputBias() && !attention.outputBias() && !feedForward.bias(), "biases");
    require(feedForward.activation() == Activation.SILU, "another activation");
    require(config.norm().kind() == NormConfig.Kind.RMS, "layer norms");
    require(config.norm().eps() == EPS, "a norm epsilon of " + config.norm().eps());
    require(
        config.position() instanceof PositionConfig.Rope rope
            && rope.base() == BASE
            && rope.dimensions() == attention.headDim()
            && rope.scaling() instanceof RopeScaling.None,
        "another rotary base than 10000, or scaling");
    String fused = WeightNames.block(0, WeightNames.QUERY_KEY_VALUE, "weight");
    require(!source.has(fused), "fused matrices");
  }

  private static void require(boolean fits, String what) {
    if (!fits) {
      throw new ModelFormatException(
          "llama2.c runs plain Llama models alone; this one has " + what);
    }
  }

  private void block(String part, int... dims) {
    for (int layer = 0; layer < config.layers(); layer++) {
      add(WeightNames.block(layer, part, "weight"), dims);
    }
  }

  private void add(String name, int... dims) {
    tensors.add(new Named(name, Shape.of(dims)));
  }

  /** The tensors of the file, in its order. */
  public Stream<Named> tensors() {
    return tensors.stream();
  }

  /** The size of the file. */
  public long bytes() {
    long elements = tensors.stream().mapToLong(tensor -> tensor.shape().elements()).sum();
    return HEADER + 4 * (elements + tableElements());
  }

  private long tableElements() {
    return (long) config.contextLength() * config.attention().headDim();
  }

  /**
   * Writes the file. The weights are taken one by one and released.
   *
   * @throws IOException if the file cannot be written
   */
  public void write(Path target, WriteListener listener) throws IOException {
    try (PendingFile file = PendingFile.create(target)) {
      file.listen(listener);
      file.write(header());
      for (Named tensor : tensors) {
        write(file, tensor);
        if (tensor.name().startsWith(WeightNames.OUTPUT_NORM)) {
          writeTables(file);
        }
      }
      file.commit(false);
    }
  }

  private ByteBuffer header() {
    ByteBuffer header = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
    header.putInt(config.width()).putInt(config.feedForward().hidden()).putInt(config.layers());
    header.putInt(config.attention().heads()).putInt(config.attention().kvHeads());
    // A negative size says that there is an output layer besides the embedding.
    header.putInt(config.tiedOutput() ? config.vocabularySize() : -config.vocabularySize());
    return header.putInt(config.contextLength()).flip();
  }

  private void write(PendingFile file, Named tensor) throws IOException {
    Tensor weight = source.tensor(tensor.name());
    RowOrder order = RowOrder.of(config, RopePairing.INTERLEAVED, tensor.name());
    try (Arena arena = Arena.ofConfined()) {
      Tensor ordered = order == null ? weight : order.copy(weight, arena);
      file.write(ordered.segment().asSlice(0, Tensor.byteSize(DType.F32, tensor.shape())));
    }
    source.release(tensor.name());
  }

  /** Cosines, then sines of each position, which run.c skips and earlier programs read. */
  private void writeTables(PendingFile file) throws IOException {
    PositionConfig.Rope rope = (PositionConfig.Rope) config.position();
    double[] frequencies = rope.frequencies(false, config.contextLength());
    ByteBuffer row =
        ByteBuffer.allocate(frequencies.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int table = 0; table < 2; table++) {
      for (int position = 0; position < config.contextLength(); position++) {
        row.clear();
        for (double frequency : frequencies) {
          double angle = position * frequency;
          row.putFloat((float) (table == 0 ? Math.cos(angle) : Math.sin(angle)));
        }
        file.write(row.flip());
      }
    }
  }
}
