package jllm.format.gguf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Writes the bytes of a GGUF file one by one, legal or not. */
public final class RawGguf {
  private ByteBuffer data = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);

  /** The start of a file: letters, version, counts. */
  public static RawGguf header(int version, long tensors, long entries) {
    return new RawGguf().letters("GGUF").u32(version).u64(tensors).u64(entries);
  }

  public RawGguf letters(String letters) {
    data.put(letters.getBytes(StandardCharsets.ISO_8859_1));
    return this;
  }

  public RawGguf u8(int value) {
    data.put((byte) value);
    return this;
  }

  public RawGguf u32(long value) {
    data.putInt((int) value);
    return this;
  }

  public RawGguf u64(long value) {
    data.putLong(value);
    return this;
  }

  public RawGguf f32(float value) {
    data.putFloat(value);
    return this;
  }

  public RawGguf string(String value) {
    return u64(value.getBytes(StandardCharsets.UTF_8).length).letters(value);
  }

  /** Key and type of a metadata entry. */
  public RawGguf key(String key, ValueType type) {
    return string(key).u32(type.id());
  }

  /** A tensor of the header; dimensions in the file's order. */
  public RawGguf tensor(String name, int type, long offset, long... dims) {
    string(name).u32(dims.length);
    Arrays.stream(dims).forEach(this::u64);
    return u32(type).u64(offset);
  }

  /** Zeros up to a multiple of 32 and then {@code bytes} more. */
  public RawGguf data(int bytes) {
    int start = (data.position() + 31) / 32 * 32;
    data.position(start + bytes);
    return this;
  }

  public Path write(Path path) throws IOException {
    return Files.write(path, Arrays.copyOf(data.array(), data.position()));
  }
}
