package jllm.tokenize.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.util.function.LongSupplier;

/** Receives files as they are once decompressed and taken out of archives. */
@FunctionalInterface
public interface ContentSink {

  /**
   * Takes the next file.
   *
   * @param origin what to call it in messages
   * @param name its name without the suffixes of compression
   * @param in is closed by the caller
   * @param read bytes of all files, as they lie on disk, that have been read at the time of asking
   * @return whether to go on reading
   */
  boolean accept(String origin, String name, InputStream in, LongSupplier read) throws IOException;
}
