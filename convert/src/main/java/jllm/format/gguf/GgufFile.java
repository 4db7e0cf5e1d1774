package jllm.format.gguf;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jllm.format.MappedFile;
import jllm.format.ModelFormatException;
import jllm.format.StoredTensor;
import org.jspecify.annotations.Nullable;

/**
 * A GGUF model in one file or in several ({@code NAME-00001-of-00003.gguf}), versions 2 and 3,
 * little-endian. Opening it reads the headers alone.
 */
public final class GgufFile implements AutoCloseable {
  private static final String SPLIT_COUNT = "split.count";
  private static final String SPLIT_NUMBER = "split.no";
  private static final String SPLIT_TENSORS = "split.tensors.count";
  private static final int MAX_PARTS = 99_999;
  private static final Pattern PART_NAME = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");

  /** A header longer than this is refused; those of the largest vocabularies take some 20 MB. */
  private static final long MAX_HEADER = 1L << 30;

  /** Holds the mapped headers, which undecoded metadata arrays point into. */
  private final Arena arena = Arena.ofShared();

  private final List<MappedFile> files = new ArrayList<>();
  private final GgufHeader first;
  private final GgufMetadata metadata;
  private final Map<String, StoredTensor> tensors = new LinkedHashMap<>();

  private GgufFile(Path path) throws IOException {
    boolean opened = false;
    try {
      GgufHeader header = header(path);
      GgufMetadata own = new GgufMetadata(path.toString(), header.metadata());
      Long parts = own.integer(SPLIT_COUNT);
      if (parts == null || parts <= 1) {
        first = header;
        add(path, header);
      } else {
        first = openParts(path, header, parts);
      }
      metadata = new GgufMetadata(path.toString(), first.metadata());
      opened = true;
    } finally {
      if (!opened) {
        close();
      }
    }
  }

  /**
   * Opens a file, or all the parts of a model when given any of them.
   *
   * @throws IOException if a file or another part cannot be read
   * @throws ModelFormatException if a file is damaged or of an unsupported kind
   */
  public static GgufFile open(Path path) throws IOException {
    return new GgufFile(path);
  }

  private GgufHeader header(Path path) throws IOException {
    MappedFile file = MappedFile.open(path);
    files.add(file);
    // The length of the header is known only after it was read. Mapping more than needed costs
    // address space alone.
    MemorySegment start = file.map(0, Math.min(file.size(), MAX_HEADER), arena);
    return GgufHeader.parse(file, start.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN));
  }

  private GgufHeader openParts(Path path, GgufHeader header, long parts) throws IOException {
    Matcher name = PART_NAME.matcher(String.valueOf(path.getFileName()));
    if (!name.matches() || parts > MAX_PARTS || Long.parseLong(name.group(3)) != parts) {
      throw new ModelFormatException(
          path
              + ": one of "
              + parts
              + " parts, but not named NAME-00001-of-%05d.gguf: the others cannot be found"
                  .formatted(Math.min(parts, MAX_PARTS)));
    }
    GgufHeader firstHeader = header;
    for (int part = 1; part <= parts; part++) {
      Path partPath =
          path.resolveSibling("%s-%05d-of-%05d.gguf".formatted(name.group(1), part, parts));
      GgufHeader partHeader;
      if (part == Long.parseLong(name.group(2))) {
        partHeader = header;
      } else if (Files.exists(partPath)) {
        partHeader = header(partPath);
      } else {
        throw new NoSuchFileException(
            partPath.toString(), null, "missing; it is part " + part + " of " + parts);
      }
      checkPart(partPath, partHeader, part, parts);
      add(partPath, partHeader);
      firstHeader = part == 1 ? partHeader : firstHeader;
    }
    checkTensorCount(path, header);
    return firstHeader;
  }

  private static void checkPart(Path path, GgufHeader header, int part, long parts) {
    GgufMetadata metadata = new GgufMetadata(path.toString(), header.metadata());
    Long number = metadata.integer(SPLIT_NUMBER);
    Long count = metadata.integer(SPLIT_COUNT);
    if (number == null || count == null || number != part - 1 || count != parts) {
      throw new ModelFormatException(
          path
              + ": says that it is part "
              + (number == null ? "?" : number + 1)
              + " of "
              + count
              + ", but its name says "
              + part
              + " of "
              + parts);
    }
  }

  private void checkTensorCount(Path path, GgufHeader header) {
    Long expected = new GgufMetadata(path.toString(), header.metadata()).integer(SPLIT_TENSORS);
    if (expected != null && expected != tensors.size()) {
      throw new ModelFormatException(
          path + ": the parts hold " + tensors.size() + " tensors, expected " + expected);
    }
  }

  private void add(Path path, GgufHeader header) {
    for (StoredTensor tensor : header.tensors()) {
      if (tensors.put(tensor.name(), tensor) != null) {
        throw new ModelFormatException(
            path + ": tensor " + tensor.name() + " is in an earlier part already");
      }
    }
  }

  /** 2 or 3. */
  public int version() {
    return first.version();
  }

  public int alignment() {
    return first.alignment();
  }

  /** The metadata of the (first) file. */
  public GgufMetadata metadata() {
    return metadata;
  }

  /** All tensors in the order of the file, by name. */
  public Map<String, StoredTensor> tensors() {
    return Collections.unmodifiableMap(tensors);
  }

  /** The files of the model. */
  public List<MappedFile> files() {
    return Collections.unmodifiableList(files);
  }

  public @Nullable StoredTensor tensor(String name) {
    return tensors.get(name);
  }

  /** Tensors that are mapped stay valid; metadata arrays do not. */
  @Override
  public void close() throws IOException {
    arena.close();
    for (MappedFile file : files) {
      file.close();
    }
  }
}
