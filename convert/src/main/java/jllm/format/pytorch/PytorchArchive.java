package jllm.format.pytorch;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jllm.format.MappedFile;
import jllm.format.ModelFormatException;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipFile;

/**
 * The zip archive around a checkpoint, as {@code torch/csrc/jit/serialization} lays it out: in one
 * folder {@code data.pkl}, {@code byteorder} and, not compressed, the storages {@code data/KEY}.
 */
final class PytorchArchive {
  private static final String PICKLE = "data.pkl";
  private static final String FOLDER = "data/";

  /** 100,000 tensors take less; all of it becomes objects. */
  private static final int MAX_PICKLE = 32 << 20;

  private final MappedFile file;
  private final byte[] pickle;
  private final Map<String, Entry> storages;

  /** Where the bytes of a storage are in the file. */
  record Entry(String name, long offset, long bytes) {}

  private PytorchArchive(MappedFile file, byte[] pickle, Map<String, Entry> storages) {
    this.file = file;
    this.pickle = pickle;
    this.storages = storages;
  }

  /**
   * Reads the list of entries, and the pickle.
   *
   * @throws ModelFormatException if it is no such archive, damaged, or of a machine with another
   *     order of bytes
   */
  static PytorchArchive read(MappedFile file) throws IOException {
    checkStart(file);
    try (ZipFile zip = ZipFile.builder().setPath(file.path()).get()) {
      List<ZipArchiveEntry> entries = Collections.list(zip.getEntries());
      ZipArchiveEntry pickle = pickle(file, entries);
      String folder = pickle.getName().substring(0, pickle.getName().length() - PICKLE.length());
      ZipArchiveEntry order = zip.getEntry(folder + "byteorder");
      if (order != null && !text(file, zip, order).equals("little")) {
        throw damaged(
            file, "was written by a big-endian machine; load it with PyTorch and save it again");
      }
      Map<String, Entry> storages = new HashMap<>();
      for (ZipArchiveEntry entry : entries) {
        if (entry.getName().startsWith(folder + FOLDER)) {
          String key = entry.getName().substring(folder.length() + FOLDER.length());
          if (storages.put(key, stored(file, entry)) != null) {
            throw damaged(file, "the archive holds " + entry.getName() + " twice");
          }
        }
      }
      checkOverlaps(file, storages.values());
      return new PytorchArchive(file, content(file, zip, pickle, MAX_PICKLE), storages);
    } catch (FileSystemException e) {
      throw e;
    } catch (IOException | IllegalArgumentException e) {
      // The library says so of any damage.
      throw new ModelFormatException(
          file.path()
              + ": a zip archive (a PyTorch checkpoint?) that is damaged, or an incomplete"
              + " download: "
              + e.getMessage(),
          e);
    }
  }

  /** What older versions wrote is recognized by how it starts. */
  private static void checkStart(MappedFile file) throws IOException {
    byte[] start;
    try (Arena arena = Arena.ofConfined()) {
      start = file.map(0, Math.min(512, file.size()), arena).toArray(ValueLayout.JAVA_BYTE);
    }
    if (start.length >= 4 && start[0] == 'P' && start[1] == 'K') {
      return;
    }
    String text = new String(start, StandardCharsets.ISO_8859_1);
    boolean old = text.startsWith("\u0080") || text.startsWith("ustar", 257);
    throw damaged(
        file,
        old
            ? "was written by PyTorch before 1.6 (2020), in a format that this program does not"
                + " read; load it with PyTorch and save it again"
            : text.startsWith("version https://git-lfs")
                ? "is a Git LFS pointer, not the file itself: run git lfs pull"
                : "is no PyTorch checkpoint: expected a zip archive");
  }

  private static ZipArchiveEntry pickle(MappedFile file, List<ZipArchiveEntry> entries) {
    List<ZipArchiveEntry> found =
        entries.stream().filter(entry -> entry.getName().matches("([^/]+/)?data\\.pkl")).toList();
    if (found.size() != 1) {
      throw damaged(
          file,
          "is a zip archive with "
              + found.size()
              + " files "
              + PICKLE
              + ", expected one, as in a PyTorch checkpoint");
    }
    return found.getFirst();
  }

  private static Entry stored(MappedFile file, ZipArchiveEntry entry) {
    if (entry.getMethod() != ZipArchiveEntry.STORED
        || entry.getGeneralPurposeBit().usesEncryption()) {
      throw damaged(
          file,
          entry.getName()
              + " in the archive is compressed or encrypted; PyTorch stores it as it is");
    }
    long offset = entry.getDataOffset();
    if (offset < 0 || entry.getSize() < 0 || offset > file.size() - entry.getSize()) {
      throw damaged(
          file,
          "the file ends at byte %d, but %s in it has %d bytes from %d on: an incomplete download?"
              .formatted(file.size(), entry.getName(), entry.getSize(), offset));
    }
    return new Entry(entry.getName(), offset, entry.getSize());
  }

  private static void checkOverlaps(MappedFile file, Iterable<Entry> storages) {
    List<Entry> sorted = new ArrayList<>();
    storages.forEach(sorted::add);
    sorted.removeIf(entry -> entry.bytes() == 0);
    sorted.sort(Comparator.comparingLong(Entry::offset));
    for (int i = 1; i < sorted.size(); i++) {
      Entry before = sorted.get(i - 1);
      Entry after = sorted.get(i);
      if (after.offset() < before.offset() + before.bytes()) {
        throw damaged(file, before.name() + " and " + after.name() + " in the archive overlap");
      }
    }
  }

  private static String text(MappedFile file, ZipFile zip, ZipArchiveEntry entry)
      throws IOException {
    return new String(content(file, zip, entry, 64), StandardCharsets.ISO_8859_1).strip();
  }

  private static byte[] content(MappedFile file, ZipFile zip, ZipArchiveEntry entry, int most)
      throws IOException {
    try (InputStream in = zip.getInputStream(entry)) {
      byte[] bytes = in.readNBytes(most + 1);
      if (bytes.length > most) {
        throw damaged(file, entry.getName() + " in the archive has more than " + most + " bytes");
      }
      if (bytes.length != entry.getSize()) {
        throw damaged(file, entry.getName() + " in the archive is cut off");
      }
      return bytes;
    }
  }

  /** The pickle that says what the tensors are. */
  byte[] pickle() {
    return Arrays.copyOf(pickle, pickle.length);
  }

  /**
   * A storage.
   *
   * @throws ModelFormatException if the archive has none of that name
   */
  Entry storage(String key) {
    Entry entry = storages.get(key);
    if (entry == null) {
      throw damaged(file, "the archive has no " + FOLDER + key + ", which a tensor needs");
    }
    return entry;
  }

  private static ModelFormatException damaged(MappedFile file, String message) {
    return new ModelFormatException(file.path() + ": " + message);
  }
}
