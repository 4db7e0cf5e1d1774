package jllm.bench.encoding;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** Texts to encode, cut into documents. */
final class Corpora {

  private static final int DOCUMENT_CHARS = 4000;
  private static final int MOST_CHARS = 3_000_000;

  private Corpora() {}

  /** All {@code *.txt} files of a folder, in the order of their names. */
  static List<String> texts(Path folder) throws IOException {
    StringBuilder all = new StringBuilder();
    try (var files = Files.list(folder)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".txt")).sorted().toList()) {
        all.append(Files.readString(file, StandardCharsets.UTF_8));
      }
    }
    return documents(all);
  }

  /** The beginning of the sources that come with a JDK. */
  static List<String> javaSource() throws IOException {
    Path sources = Path.of(System.getProperty("java.home"), "lib", "src.zip");
    StringBuilder all = new StringBuilder();
    try (ZipFile zip = new ZipFile(sources.toFile())) {
      List<? extends ZipEntry> entries =
          zip.stream()
              .filter(e -> e.getName().startsWith("java.base/java/"))
              .filter(e -> e.getName().endsWith(".java"))
              .sorted(Comparator.comparing(ZipEntry::getName))
              .toList();
      for (ZipEntry entry : entries) {
        all.append(new String(zip.getInputStream(entry).readAllBytes(), StandardCharsets.UTF_8));
        if (all.length() > MOST_CHARS) {
          break;
        }
      }
    }
    return documents(all);
  }

  private static List<String> documents(CharSequence text) {
    String all = text.toString();
    List<String> documents = new ArrayList<>();
    int at = 0;
    while (at < all.length()) {
      int end = Math.min(all.length(), at + DOCUMENT_CHARS);
      if (end < all.length() && Character.isLowSurrogate(all.charAt(end))) {
        end--;
      }
      documents.add(all.substring(at, end));
      at = end;
    }
    return documents;
  }

  /** The sizes of documents in UTF-8. */
  static long[] sizes(List<String> documents) {
    return documents.stream().mapToLong(d -> d.getBytes(StandardCharsets.UTF_8).length).toArray();
  }
}
