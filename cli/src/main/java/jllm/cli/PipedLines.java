package jllm.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** A message a line; one that ends with a backslash goes on in the next. */
final class PipedLines implements LineSource {
  private final BufferedReader lines;
  private boolean multiline;
  private int number;

  PipedLines(InputStream in) {
    lines =
        new BufferedReader(
            new InputStreamReader(
                in,
                StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)));
  }

  @Override
  public @Nullable String next() throws IOException {
    StringBuilder message = new StringBuilder();
    boolean any = false;
    for (String line = line(); line != null; line = line()) {
      message.append(any ? "\n" : "").append(line);
      any = true;
      if (!MessageParser.goesOn(message.toString(), multiline)) {
        break;
      }
    }
    return any ? MessageParser.message(message.toString()) : null;
  }

  private @Nullable String line() throws IOException {
    number++;
    try {
      return lines.readLine();
    } catch (CharacterCodingException e) {
      throw new InvalidTextException(
          "standard input is not valid UTF-8 in or behind line " + number);
    }
  }

  @Override
  public boolean toggleMultiline() {
    multiline = !multiline;
    return multiline;
  }
}
