package jllm.cli;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Where the messages of a person come from. */
interface LineSource {

  /** The next message; empty if there is nothing in it, absent at the end of all. */
  @Nullable String next() throws IOException;

  /** Changes whether a line break ends a message; says whether it does so now. */
  boolean toggleMultiline();
}
