package jllm.tokenize.corpus;

import java.io.IOException;
import java.io.InputStream;
import org.apache.commons.compress.archivers.ArchiveEntry;
import org.apache.commons.compress.archivers.ArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.zip.ZipArchiveInputStream;
import org.jspecify.annotations.Nullable;

/** Archives that come as a stream: the members in the order in which they lie there. */
final class Archives {
  private Archives() {}

  static boolean read(
      CorpusReader reader,
      Container container,
      InputStream in,
      String origin,
      NameFilter filter,
      int depth)
      throws IOException {
    ArchiveInputStream<?> archive =
        container == Container.TAR
            ? new TarArchiveInputStream(in)
            : new ZipArchiveInputStream(in, "UTF-8", true, true);
    while (true) {
      ArchiveEntry entry = next(archive, origin, container);
      if (entry == null) {
        return true;
      }
      if (entry.isDirectory()
          || entry instanceof TarArchiveEntry tar && !tar.isFile()
          || !filter.accepts(entry.getName())) {
        continue;
      }
      String member = origin + ": member " + entry.getName();
      boolean more =
          reader.readable(
              member,
              () -> {
                if (!archive.canReadEntryData(entry)) {
                  throw new CorpusException(
                      member + ": cannot be read (encrypted, or an unsupported compression)");
                }
                InputStream data = new UnpackedStream(archive, member, container.label());
                return reader.content(data, member, entry.getName(), depth + 1);
              });
      if (!more) {
        return false;
      }
    }
  }

  private static @Nullable ArchiveEntry next(
      ArchiveInputStream<?> archive, String origin, Container container) {
    try {
      return archive.getNextEntry();
    } catch (CorpusException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw UnpackedStream.damaged(origin, container.label(), e);
    }
  }
}
