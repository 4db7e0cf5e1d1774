package jllm.tokenize.corpus;

import java.io.IOException;
import java.io.InputStream;

/** Receives files as they are once decompressed and taken out of archives. */
@FunctionalInterface
public interface ContentSink {

  /**
   * Takes the next file.
   *
   * @param origin what to call it in messages
   * @param name its name without the suffixes of compression
   * @param in is closed by the caller
   * @return whether to go on reading
   */
  boolean accept(String origin, String name, InputStream in) throws IOException;
}
