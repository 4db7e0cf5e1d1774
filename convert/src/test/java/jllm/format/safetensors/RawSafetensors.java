package jllm.format.safetensors;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Writes a safetensors file for tests. */
public final class RawSafetensors {
  private final StringBuilder header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
  private final ByteArrayOutputStream data = new ByteArrayOutputStream();

  /** Adds a tensor. */
  public RawSafetensors tensor(String name, String dtype, int[] shape, byte[] bytes) {
    int begin = data.size();
    data.writeBytes(bytes);
    return entry(name, dtype, Arrays.toString(shape), begin, data.size());
  }

  /** Adds a line of the header alone. */
  public RawSafetensors entry(String name, String dtype, String shape, long begin, long end) {
    header.append(
        ",\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
            .formatted(name, dtype, shape, begin, end));
    return this;
  }

  public Path write(Path path) throws IOException {
    return write(path, header + "}", data.toByteArray());
  }

  /** A file of any header. */
  public static Path write(Path path, String header, byte[] data) throws IOException {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer file =
        ByteBuffer.allocate(8 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(text.length).put(text).put(data);
    return Files.write(path, file.array());
  }
}
