package jllm.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jllm.tokenize.stream.TokenChunk;

/** A form in which tokens are printed. Parts of a text are put into it on several threads. */
abstract class TokenFormat {

  /** What a part of the output holds until its turn comes. */
  static final class Part {
    final List<TokenChunk> chunks = new ArrayList<>();
    long tokens;
    private byte[] bytes = new byte[1 << 12];
    private int size;

    void text(String text) {
      int length = text.length();
      reserve(length);
      for (int i = 0; i < length; i++) {
        char c = text.charAt(i);
        if (c >= 0x80) {
          bytes(text.substring(i).getBytes(StandardCharsets.UTF_8));
          return;
        }
        bytes[size++] = (byte) c;
      }
    }

    private void bytes(byte[] more) {
      reserve(more.length);
      System.arraycopy(more, 0, bytes, size, more.length);
      size += more.length;
    }

    /** Writes a number that is not negative. */
    void number(long number) {
      if (number >= 10) {
        number(number / 10);
      }
      reserve(1);
      bytes[size++] = (byte) ('0' + number % 10);
    }

    private void reserve(int more) {
      if (size + more > bytes.length) {
        bytes = Arrays.copyOf(bytes, Math.max(size + more, 2 * bytes.length));
      }
    }

    /** Writes what is held, less the first bytes. */
    void writeTo(StandardOutput out, int skipped) throws IOException {
      if (size > skipped) {
        out.write(bytes, skipped, size - skipped);
      }
    }
  }

  /** Whether the ranges of tokens are needed. */
  abstract boolean needsOffsets();

  /** Begins a text. */
  abstract void begin(String name) throws IOException;

  /** Adds a part of a text; on another thread. */
  abstract void add(TokenChunk chunk, Part part);

  /** Adds a text that is one of the lines of another; on another thread. */
  abstract void addLine(TokenChunk chunk, Part part);

  /** Prints a part when its turn has come. */
  abstract void emit(Part part) throws IOException;

  /** Ends a text. */
  abstract void end() throws IOException;
}
