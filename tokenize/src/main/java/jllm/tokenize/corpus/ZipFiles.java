package jllm.tokenize.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.function.LongConsumer;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/** Zip files on disk, through their directory. */
final class ZipFiles {
  private ZipFiles() {}

  /**
   * @param progress is told how many bytes of the file have been read
   */
  static boolean read(
      CorpusReader reader, Path path, String origin, NameFilter filter, LongConsumer progress)
      throws IOException {
    try (ZipFile zip = open(path, origin)) {
      List<ZipArchiveEntry> entries = Collections.list(zip.getEntriesInPhysicalOrder());
      long read = 0;
      for (ZipArchiveEntry entry : entries) {
        if (!entry.isDirectory() && !entry.isUnixSymlink() && filter.accepts(entry.getName())) {
          String member = origin + ": member " + entry.getName();
          if (!reader.readable(member, () -> member(reader, zip, entry, member))) {
            return false;
          }
        }
        read += Math.max(0, entry.getCompressedSize());
        progress.accept(read);
      }
      return true;
    }
  }

  static @Nullable String sha256(Path path) throws IOException {
    try (SourceStream in = new SourceStream(Files.newInputStream(path), true)) {
      in.drain();
      return in.hash();
    }
  }

  private static ZipFile open(Path path, String origin) throws IOException {
    if (!Files.isReadable(path)) {
      throw new AccessDeniedException(path.toString());
    }
    try {
      return ZipFile.builder().setPath(path).get();
    } catch (IOException | RuntimeException e) {
      throw UnpackedStream.damaged(origin, "zip", e);
    }
  }

  private static boolean member(
      CorpusReader reader, ZipFile zip, ZipArchiveEntry entry, String member) throws IOException {
    if (!zip.canReadEntryData(entry)) {
      throw new CorpusException(
          member + ": cannot be read (encrypted, or an unsupported compression)");
    }
    InputStream data;
    try {
      data = zip.getInputStream(entry);
    } catch (IOException | RuntimeException e) {
      throw UnpackedStream.damaged(member, "zip", e);
    }
    try (InputStream in = new UnpackedStream(data, member, "zip")) {
      return reader.content(in, member, entry.getName(), 1);
    }
  }
}
