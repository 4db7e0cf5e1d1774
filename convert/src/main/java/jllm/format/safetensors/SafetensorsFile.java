package jllm.format.safetensors;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import jllm.format.MappedFile;
import jllm.format.MappedTensorFile;
import jllm.format.ModelFormatException;

/** The tensors of a safetensors file, or of several that an index holds together. */
public final class SafetensorsFile extends MappedTensorFile {
  /** The limit of the reference implementation. */
  private static final long MAX_HEADER = 100_000_000;

  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Map<String, Object> metadata = new LinkedHashMap<>();

  private SafetensorsFile() {}

  /**
   * Opens one file.
   *
   * @throws IOException if it is missing or cannot be read
   * @throws ModelFormatException if it is damaged
   */
  public static SafetensorsFile open(Path path) throws IOException {
    SafetensorsFile file = new SafetensorsFile();
    file.load(path);
    return file;
  }

  /**
   * Opens the files that an index ({@code model.safetensors.index.json}) names.
   *
   * @throws IOException if the index or one of the files is missing or cannot be read
   * @throws ModelFormatException if one is damaged, or lacks a tensor that the index puts there
   */
  public static SafetensorsFile openIndex(Path index) throws IOException {
    SafetensorsFile all = new SafetensorsFile();
    all.loadIndex(index);
    return all;
  }

  @Override
  protected void read(MappedFile file) throws IOException {
    SafetensorsHeader header = header(file);
    metadata.putAll(header.metadata());
    header.tensors().forEach(this::put);
  }

  private static SafetensorsHeader header(MappedFile file) throws IOException {
    if (file.size() < Long.BYTES) {
      throw new ModelFormatException(
          file.path() + ": has " + file.size() + " bytes, too few for a safetensors file");
    }
    try (Arena arena = Arena.ofConfined()) {
      long length = file.map(0, Long.BYTES, arena).get(LENGTH, 0);
      if (length < 2 || length > MAX_HEADER) {
        throw new ModelFormatException(
            file.path()
                + ": a header of "
                + Long.toUnsignedString(length)
                + " bytes makes no sense");
      }
      if (length > file.size() - Long.BYTES) {
        throw new ModelFormatException(
            "%s: the file ends at byte %d, inside its header of %d bytes: an incomplete download?"
                .formatted(file.path(), file.size(), length));
      }
      MemorySegment text = file.map(Long.BYTES, length, arena);
      return SafetensorsHeader.parse(
          file, text.toArray(ValueLayout.JAVA_BYTE), Long.BYTES + length);
    }
  }

  @Override
  public String format() {
    return "safetensors";
  }

  @Override
  public Map<String, Object> metadata() {
    return Collections.unmodifiableMap(metadata);
  }
}
