package jllm.format;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Named tensors in a file, or in several that an index holds together; opened for reading. */
public interface TensorFile extends AutoCloseable {

  /** The format, for people, such as {@code safetensors}. */
  String format();

  /** All tensors by name. */
  Map<String, StoredTensor> tensors();

  default @Nullable StoredTensor tensor(String name) {
    return tensors().get(name);
  }

  /** What the files say besides tensors. */
  Map<String, Object> metadata();

  List<MappedFile> files();

  /** Tensors that are mapped stay valid. */
  @Override
  void close() throws IOException;
}
