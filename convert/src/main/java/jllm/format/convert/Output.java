package jllm.format.convert;

import java.io.IOException;
import java.util.List;
import jllm.format.WriteListener;

/** What is written in one of the formats. */
interface Output {
  /** The files, those with tensors and those without, in the order in which they are written. */
  List<OutputFile> files();

  /** What is missing or lost, a sentence each. */
  List<String> warnings();

  /** Refuses a target that exists, unless it may be replaced. */
  void checkTarget(boolean force) throws IOException;

  void write(WriteListener listener) throws IOException;
}
