package jllm.format.gguf;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jllm.format.PendingFile;
import jllm.format.WriteListener;
import jllm.tensor.Shape;

/**
 * Writes a GGUF file, version 3. The header goes first, so the tensors are declared before; their
 * bytes follow in that order, in pieces of any size. The file appears under its name only when it
 * is complete: until then it is a temporary one beside it, and what was there before stays.
 */
public final class GgufWriter implements AutoCloseable {
  private static final int VERSION = 3;

  private final PendingFile file;
  private final List<Entry> tensors;
  private final int alignment;
  private int current;
  private long written;

  /**
   * A tensor to be written.
   *
   * @param shape outermost dimension first; rows a whole number of blocks
   */
  public record Entry(String name, GgmlType type, Shape shape) {
    public Entry {
      if (shape.rank() > GgufHeader.MAX_RANK
          || shape.elements() == 0
          || shape.columns() % type.blockLength() != 0) {
        throw new IllegalArgumentException(
            "tensor " + name + " cannot be stored as " + type + " with shape " + shape);
      }
    }

    public long bytes() {
      return shape.elements() / type.blockLength() * type.blockBytes();
    }
  }

  private GgufWriter(PendingFile file, List<Entry> tensors, int alignment) {
    this.file = file;
    this.tensors = tensors;
    this.alignment = alignment;
  }

  /**
   * Starts a file. The alignment is that of the metadata key {@code general.alignment}, or 32.
   *
   * @throws IOException if the file cannot be written there
   * @throws IllegalArgumentException if a name occurs twice or the alignment is no power of two
   */
  public static GgufWriter create(Path path, Map<String, GgufValue> metadata, List<Entry> tensors)
      throws IOException {
    int alignment = alignment(metadata);
    ByteBuffer header = header(metadata, tensors, alignment);
    GgufWriter writer = new GgufWriter(PendingFile.create(path), List.copyOf(tensors), alignment);
    boolean started = false;
    try {
      writer.file.write(header);
      started = true;
      return writer;
    } finally {
      if (!started) {
        writer.close();
      }
    }
  }

  private static int alignment(Map<String, GgufValue> metadata) {
    GgufValue value = metadata.get(GgufHeader.ALIGNMENT_KEY);
    if (value == null) {
      return GgufHeader.DEFAULT_ALIGNMENT;
    }
    if (value instanceof GgufValue.Scalar(ValueType type, long bits)
        && type == ValueType.U32
        && Long.bitCount(bits) == 1) {
      return Math.toIntExact(bits);
    }
    throw new IllegalArgumentException(
        GgufHeader.ALIGNMENT_KEY + " is " + value + ", expected a U32 that is a power of two");
  }

  private static ByteBuffer header(
      Map<String, GgufValue> metadata, List<Entry> tensors, int alignment) {
    GgufEncoder out = new GgufEncoder();
    out.u32(GgufHeader.MAGIC);
    out.u32(VERSION);
    out.u64(tensors.size());
    out.u64(metadata.size());
    metadata.forEach((key, value) -> {
      out.string(key);
      out.value(value);
    });
    Set<String> names = new HashSet<>();
    long offset = 0;
    for (Entry tensor : tensors) {
      if (!names.add(tensor.name())) {
        throw new IllegalArgumentException("two tensors are named " + tensor.name());
      }
      out.string(tensor.name());
      out.dims(tensor.shape());
      out.u32(tensor.type().id());
      out.u64(offset);
      offset += GgufHeader.align(tensor.bytes(), alignment);
    }
    if (!tensors.isEmpty()) {
      out.pad(alignment);
    }
    return out.finish();
  }

  /** Tells the listener of the bytes of tensors that are written from now on. */
  public void listen(WriteListener listener) {
    file.listen(listener);
  }

  /**
   * Writes the next bytes: of the first tensor that is not complete, and on into those after it.
   *
   * @throws IllegalStateException if all tensors are complete
   */
  public void write(MemorySegment data) throws IOException {
    long done = 0;
    while (done < data.byteSize()) {
      if (current == tensors.size()) {
        throw new IllegalStateException(
            file.target() + ": more data than the declared tensors have");
      }
      long size = tensors.get(current).bytes();
      long chunk = Math.min(size - written, data.byteSize() - done);
      file.write(data.asSlice(done, chunk));
      done += chunk;
      written += chunk;
      if (written == size) {
        int padding = (int) (GgufHeader.align(size, alignment) - size);
        file.write(ByteBuffer.allocate(padding));
        written = 0;
        current++;
      }
    }
  }

  /**
   * Completes the file and gives it its name.
   *
   * @throws IllegalStateException if a tensor is incomplete
   */
  public void commit() throws IOException {
    if (current < tensors.size()) {
      Entry missing = tensors.get(current);
      throw new IllegalStateException(
          "%s: tensor %s has %d of %d bytes"
              .formatted(file.target(), missing.name(), written, missing.bytes()));
    }
    file.commit(false);
  }

  /** Without a {@link #commit} before, nothing was written. */
  @Override
  public void close() throws IOException {
    file.close();
  }
}
