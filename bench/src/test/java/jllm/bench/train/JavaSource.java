package jllm.bench.train;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import jllm.tokenize.corpus.Corpus;
import jllm.tokenize.corpus.CorpusOptions;

/** Text that every JDK brings along: its own source. */
final class JavaSource {
  private JavaSource() {}

  /**
   * Writes the first bytes of all source files, end to end, in the order of the archive.
   *
   * @throws IOException if this JDK has no {@code lib/src.zip}
   */
  static Path write(Path file, long bytes) throws IOException {
    Path zip = Path.of(System.getProperty("java.home"), "lib", "src.zip");
    CorpusOptions options = CorpusOptions.DEFAULT.withInclude(List.of("*.java"));
    AtomicLong left = new AtomicLong(bytes);
    try (OutputStream out = Files.newOutputStream(file)) {
      Corpus.of(List.of(zip), options)
          .read(chunk -> {
            byte[] text = chunk.bytes();
            int n = (int) Math.min(text.length, left.get());
            // Not inside a character.
            while (n > 0 && n < text.length && (text[n] & 0xc0) == 0x80) {
              n--;
            }
            try {
              out.write(Arrays.copyOf(text, n));
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
            return left.addAndGet(-text.length) > 0;
          });
    }
    return file;
  }
}
