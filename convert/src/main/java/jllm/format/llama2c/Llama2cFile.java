package jllm.format.llama2c;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.format.MappedFile;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import jllm.format.WeightNames;
import jllm.tensor.DType;
import jllm.tensor.Shape;

/**
 * A version 0 checkpoint: the header, then all weights in float32. Each kind of weight stands
 * together for all layers. There are no names in the file; tensors get those of {@link
 * WeightNames}.
 */
public final class Llama2cFile implements AutoCloseable {
  private final MappedFile file;
  private final Llama2cHeader header;
  private final List<StoredTensor> tensors = new ArrayList<>();
  private long position = Llama2cHeader.BYTES;

  private Llama2cFile(MappedFile file, Llama2cHeader header) {
    this.file = file;
    this.header = header;
  }

  /**
   * Opens a checkpoint.
   *
   * @throws ModelFormatException if its length is not what the header asks for
   */
  public static Llama2cFile open(Path path) throws IOException {
    MappedFile file = MappedFile.open(path);
    boolean opened = false;
    try (Arena arena = Arena.ofConfined()) {
      long start = Math.min(file.size(), Llama2cHeader.BYTES);
      Llama2cHeader header = Llama2cHeader.parse(file.map(0, start, arena).asByteBuffer());
      if (header == null) {
        throw new ModelFormatException(path + ": does not start like a llama2.c checkpoint");
      }
      Llama2cFile checkpoint = new Llama2cFile(file, header);
      checkpoint.checkLength();
      checkpoint.locate();
      opened = true;
      return checkpoint;
    } finally {
      if (!opened) {
        file.close();
      }
    }
  }

  private void checkLength() {
    long dim = header.dim();
    long attention = 2 * dim * dim + 2L * header.kvDim() * dim;
    long layer = attention + 3 * dim * header.hiddenDim() + 2 * dim;
    long table = header.vocabSize() * dim;
    long elements =
        table * (header.sharedClassifier() ? 1 : 2)
            + header.layers() * layer
            + dim
            + header.tableElements();
    // The largest legal header stays below 2^63: 4 * (2^49 + 2^12 * 2^51).
    long expected = Llama2cHeader.BYTES + 4 * elements;
    if (file.size() != expected) {
      throw new ModelFormatException(
          "%s: looks like a llama2.c checkpoint (version 0) with the numbers %s, which needs %d bytes, but the file has %d: %s"
              .formatted(
                  file.path(),
                  header.numbers(),
                  expected,
                  file.size(),
                  file.size() < expected ? "an incomplete download?" : "another kind of file?"));
    }
  }

  private void locate() {
    int dim = header.dim();
    add(WeightNames.TOKEN_EMBEDDING, header.vocabSize(), dim);
    block(WeightNames.ATTENTION_NORM, dim);
    block(WeightNames.QUERY, dim, dim);
    block(WeightNames.KEY, header.kvDim(), dim);
    block(WeightNames.VALUE, header.kvDim(), dim);
    block(WeightNames.ATTENTION_OUTPUT, dim, dim);
    block(WeightNames.FEED_FORWARD_NORM, dim);
    block(WeightNames.GATE, header.hiddenDim(), dim);
    block(WeightNames.DOWN, dim, header.hiddenDim());
    block(WeightNames.UP, header.hiddenDim(), dim);
    add(WeightNames.OUTPUT_NORM + ".weight", dim);
    position += 4 * header.tableElements();
    if (!header.sharedClassifier()) {
      add(WeightNames.OUTPUT, header.vocabSize(), dim);
    }
  }

  private void block(String part, int... dims) {
    for (int layer = 0; layer < header.layers(); layer++) {
      add(WeightNames.block(layer, part, "weight"), dims);
    }
  }

  private void add(String name, int... dims) {
    Shape shape = Shape.of(dims);
    long bytes = 4 * shape.elements();
    tensors.add(new StoredTensor(name, "F32", DType.F32, shape, file, position, bytes));
    position += bytes;
  }

  public MappedFile file() {
    return file;
  }

  public Llama2cHeader header() {
    return header;
  }

  public List<StoredTensor> tensors() {
    return List.copyOf(tensors);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
