package jllm.format.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jllm.format.PendingFile;
import jllm.format.WriteListener;
import jllm.tensor.DType;
import jllm.tensor.Shape;
import jllm.tensor.Tensor;

/**
 * Writes a safetensors file. The header goes first, so the tensors are declared before; their bytes
 * follow in that order, in pieces of any size. The file appears under its name, and is on the disk,
 * only when it is complete; what was there before stays until then.
 */
public final class SafetensorsWriter implements AutoCloseable {
  /** The data begin at a multiple of this, so that a mapped file can be read by whole vectors. */
  private static final int ALIGNMENT = 64;

  private final PendingFile file;
  private final List<Entry> tensors;
  private int current;
  private long written;

  /** A tensor to be written: F64, F32, F16, BF16 or I32. */
  public record Entry(String name, DType dtype, Shape shape) {
    public Entry {
      if (SafetensorsType.of(dtype.name()) == null) {
        throw new IllegalArgumentException(
            "tensor " + name + " is of type " + dtype + ", which safetensors files do not have");
      }
    }

    public long bytes() {
      return Tensor.byteSize(dtype, shape);
    }
  }

  private SafetensorsWriter(PendingFile file, List<Entry> tensors) {
    this.file = file;
    this.tensors = tensors;
  }

  /**
   * Starts a file.
   *
   * @param metadata free-form texts ({@code __metadata__}); transformers wants {@code format} to be
   *     {@code pt}
   * @throws IOException if the file cannot be written there
   * @throws IllegalArgumentException if a name occurs twice
   */
  public static SafetensorsWriter create(
      Path path, Map<String, String> metadata, List<Entry> tensors) throws IOException {
    ByteBuffer header = header(metadata, tensors);
    SafetensorsWriter writer =
        new SafetensorsWriter(PendingFile.create(path), List.copyOf(tensors));
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

  private static ByteBuffer header(Map<String, String> metadata, List<Entry> tensors) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    Set<String> names = new HashSet<>();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectFieldStart("__metadata__");
        for (Map.Entry<String, String> entry : metadata.entrySet()) {
          json.writeStringField(entry.getKey(), entry.getValue());
        }
        json.writeEndObject();
      }
      long offset = 0;
      for (Entry tensor : tensors) {
        if (!names.add(tensor.name())) {
          throw new IllegalArgumentException("two tensors are named " + tensor.name());
        }
        write(json, tensor, offset);
        offset += tensor.bytes();
      }
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // not in memory
    }
    int unpadded = Long.BYTES + text.size();
    int padded = (unpadded + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    ByteBuffer header = ByteBuffer.allocate(padded).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(padded - Long.BYTES).put(text.toByteArray());
    while (header.hasRemaining()) {
      header.put((byte) ' ');
    }
    return header.flip();
  }

  private static void write(JsonGenerator json, Entry tensor, long offset) throws IOException {
    json.writeObjectFieldStart(tensor.name());
    json.writeStringField("dtype", tensor.dtype().name());
    json.writeArrayFieldStart("shape");
    for (int axis = 0; axis < tensor.shape().rank(); axis++) {
      json.writeNumber(tensor.shape().dim(axis));
    }
    json.writeEndArray();
    json.writeArrayFieldStart("data_offsets");
    json.writeNumber(offset);
    json.writeNumber(offset + tensor.bytes());
    json.writeEndArray();
    json.writeEndObject();
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
      skipComplete();
      if (current == tensors.size()) {
        throw new IllegalStateException(
            file.target() + ": more data than the declared tensors have");
      }
      long missing = tensors.get(current).bytes() - written;
      long chunk = Math.min(missing, data.byteSize() - done);
      file.write(data.asSlice(done, chunk));
      done += chunk;
      written += chunk;
    }
    skipComplete();
  }

  private void skipComplete() {
    while (current < tensors.size() && written == tensors.get(current).bytes()) {
      written = 0;
      current++;
    }
  }

  /**
   * Completes the file and gives it its name.
   *
   * @throws IllegalStateException if a tensor is incomplete
   */
  public void commit() throws IOException {
    skipComplete();
    if (current < tensors.size()) {
      Entry missing = tensors.get(current);
      throw new IllegalStateException(
          "%s: tensor %s has %d of %d bytes"
              .formatted(file.target(), missing.name(), written, missing.bytes()));
    }
    file.commit(true);
  }

  /** Without a {@link #commit} before, nothing was written. */
  @Override
  public void close() throws IOException {
    file.close();
  }
}
