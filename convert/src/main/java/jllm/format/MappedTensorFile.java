package jllm.format;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Tensors that are read where they lie in mapped files; a format says how to find them there. */
public abstract class MappedTensorFile implements TensorFile {
  private final List<MappedFile> files = new ArrayList<>();
  private final Map<String, StoredTensor> tensors = new LinkedHashMap<>();

  /**
   * Finds the tensors of one file, for {@link #put}.
   *
   * @throws ModelFormatException if it is damaged
   */
  protected abstract void read(MappedFile file) throws IOException;

  /** Takes in one file; if that fails, all are closed. */
  protected final void load(Path path) throws IOException {
    boolean loaded = false;
    try {
      add(path);
      loaded = true;
    } finally {
      if (!loaded) {
        close();
      }
    }
  }

  /** Takes in the files of an index; if that fails, all are closed. */
  protected final void loadIndex(Path index) throws IOException {
    boolean loaded = false;
    try {
      ShardIndex.read(index).load(tensors, this::add);
      loaded = true;
    } finally {
      if (!loaded) {
        close();
      }
    }
  }

  private void add(Path path) throws IOException {
    MappedFile file = MappedFile.open(path);
    files.add(file);
    read(file);
  }

  /**
   * Takes in a tensor.
   *
   * @throws ModelFormatException if there is one of that name
   */
  protected final void put(StoredTensor tensor) {
    if (tensors.put(tensor.name(), tensor) != null) {
      throw new ModelFormatException(
          tensor.file().path() + ": tensor " + tensor.name() + " is in an earlier file already");
    }
  }

  @Override
  public final Map<String, StoredTensor> tensors() {
    return Collections.unmodifiableMap(tensors);
  }

  @Override
  public final List<MappedFile> files() {
    return Collections.unmodifiableList(files);
  }

  @Override
  public final void close() throws IOException {
    for (MappedFile file : files) {
      file.close();
    }
  }
}
