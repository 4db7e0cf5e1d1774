package jllm.tokenize.stream;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.Encoder;
import jllm.tokenize.MalformedTextException;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.text.Utf8;

/**
 * Encodes a text as it comes, in parts and on several threads, to exactly the tokens of the whole.
 * What is done with the tokens of a part is done on those threads too; the results come in order.
 */
public final class StreamEncoder {
  /** The usual size of a part in bytes. */
  public static final int PART = 1 << 18;

  /** The most bytes that are held where no place to cut comes. */
  public static final int HOLD = 1 << 27;

  private final Tokenizer tokenizer;
  private final EncodeOptions options;
  private final boolean lenient;
  private final boolean offsets;
  private final int threads;
  private final int part;
  private final int hold;
  private final Cuts cuts;
  private final Around around;
  private final ConcurrentLinkedQueue<Encoder> encoders = new ConcurrentLinkedQueue<>();

  /**
   * @param lenient whether invalid UTF-8 becomes U+FFFD; else it is an error
   * @param offsets whether the range of each token is wanted
   */
  public StreamEncoder(
      Tokenizer tokenizer, EncodeOptions options, boolean lenient, boolean offsets, int threads) {
    this(tokenizer, options, lenient, offsets, threads, PART, HOLD);
  }

  StreamEncoder(
      Tokenizer tokenizer,
      EncodeOptions options,
      boolean lenient,
      boolean offsets,
      int threads,
      int part,
      int hold) {
    this.tokenizer = tokenizer;
    this.options = options;
    this.lenient = lenient;
    this.offsets = offsets;
    this.threads = threads;
    this.part = part;
    this.hold = hold;
    this.cuts = Cuts.of(tokenizer, options.parseSpecial());
    this.around = new Around(tokenizer.pipeline(), options.addSpecial());
  }

  /** Takes results in order, on the calling thread. */
  @FunctionalInterface
  public interface Out<R> {
    void accept(R result) throws IOException;
  }

  /** A part of a text to be encoded. */
  private record Part(byte[] bytes, long offset, boolean first, boolean last) {}

  /**
   * Encodes a text. With a normalizer, ranges may differ from those of the whole inside a character
   * that several tokens share: whether they name its bytes or all of it depends on whether anything
   * in the text was normalized.
   *
   * @param results makes an empty result for a part
   * @param work adds a part's tokens to its result, on another thread
   * @throws MalformedTextException if the text is not valid UTF-8, with the offset in the text
   * @throws UncuttableTextException if too much of it would have to be held
   */
  public <R> void encode(
      InputStream in, Supplier<R> results, BiConsumer<TokenChunk, R> work, Out<R> out)
      throws IOException {
    try (Ordered<R> ordered = new Ordered<>(threads, out::accept)) {
      Window window = new Window(in);
      long offset = 0;
      while (true) {
        int searched = 0;
        int cut = -1;
        int want = part;
        while (cut < 0 && window.fill(want)) {
          cut = lastCut(window.bytes, searched, window.size);
          if (cut < 0) {
            searched = Math.max(0, window.size - 8);
            want = grown(want);
          }
        }
        if (cut < 0) {
          Part last = new Part(window.take(window.size), offset, offset == 0, true);
          if (last.first()) {
            out.accept(encoded(last, results, work));
          } else {
            ordered.submit(() -> encoded(last, results, work));
          }
          break;
        }
        Part next = new Part(window.take(cut), offset, offset == 0, false);
        offset += cut;
        ordered.submit(() -> encoded(next, results, work));
      }
      ordered.finish();
    }
  }

  /**
   * Encodes each line of a text as a text of its own. A line ends with a line feed, which is not
   * part of it. The results of lines that are there come before more lines are waited for.
   *
   * @throws MalformedTextException if the text is not valid UTF-8, with the offset in the text
   * @throws UncuttableTextException if a line is too long to be held
   */
  public <R> void encodeLines(
      InputStream in, Supplier<R> results, BiConsumer<TokenChunk, R> work, Out<R> out)
      throws IOException {
    try (Ordered<R> ordered = new Ordered<>(threads, out::accept)) {
      Window window = new Window(in);
      long offset = 0;
      while (true) {
        int end = 0;
        int want = part;
        boolean more = true;
        while (end == 0 && more) {
          if (in.available() == 0) {
            ordered.finish();
          }
          more = window.fillSome(want);
          end = window.size;
          while (end > 0 && window.bytes[end - 1] != '\n') {
            end--;
          }
          if (end == 0 && window.size >= want) {
            want = grownLine(want);
          }
        }
        boolean last = !more;
        if (last) {
          end = window.size;
        }
        long at = offset;
        byte[] lines = window.take(end);
        offset += end;
        if (last && at == 0) {
          out.accept(lines(lines, at, results, work));
        } else {
          ordered.submit(() -> lines(lines, at, results, work));
        }
        if (last) {
          break;
        }
      }
      ordered.finish();
    }
  }

  private <R> R encoded(Part part, Supplier<R> results, BiConsumer<TokenChunk, R> work) {
    Encoder encoder = encoder();
    TokenBuffer tokens = new TokenBuffer(offsets);
    byte[] bytes = part.bytes();
    boolean whole = part.first() && part.last();
    boolean continues = !part.first();
    int from = continues && cuts.dropsSpace() ? 1 : 0;
    EncodeOptions how = whole ? options : new EncodeOptions(false, options.parseSpecial());
    encode(encoder, bytes, from, bytes.length, part.offset(), how, tokens);
    if (!whole) {
      if (continues) {
        around.continueRanges(tokens, from);
      }
      around.add(tokens, part.first(), part.last());
    }
    encoders.add(encoder);
    R result = results.get();
    work.accept(
        new TokenChunk(bytes, 0, bytes.length, part.offset(), tokens, part.first(), part.last()),
        result);
    return result;
  }

  private <R> R lines(
      byte[] lines, long offset, Supplier<R> results, BiConsumer<TokenChunk, R> work) {
    Encoder encoder = encoder();
    R result = results.get();
    int at = 0;
    while (at < lines.length) {
      int end = at;
      while (end < lines.length && lines[end] != '\n') {
        end++;
      }
      TokenBuffer tokens = new TokenBuffer(offsets);
      encode(encoder, lines, at, end, offset + at, options, tokens);
      work.accept(new TokenChunk(lines, at, end, offset + at, tokens, true, true), result);
      at = end + 1;
    }
    encoders.add(encoder);
    return result;
  }

  private void encode(
      Encoder encoder,
      byte[] bytes,
      int from,
      int to,
      long offset,
      EncodeOptions how,
      TokenBuffer tokens) {
    if (lenient) {
      encoder.encodeLenient(bytes, from, to, how, tokens);
      return;
    }
    try {
      encoder.encode(bytes, from, to, how, tokens);
    } catch (MalformedTextException e) {
      throw new MalformedTextException(
          offset + from + e.offset(), bytes[(int) (from + e.offset())]);
    }
  }

  private Encoder encoder() {
    Encoder encoder = encoders.poll();
    return encoder == null ? tokenizer.newEncoder() : encoder;
  }

  /** The last place to cut in what may begin or end within a character, or be no UTF-8 at all. */
  private int lastCut(byte[] bytes, int from, int to) {
    int near = Math.max(from, to - 4096);
    int cut = lastValidCut(bytes, near, to);
    return cut < 0 && near > from ? lastValidCut(bytes, from, to) : cut;
  }

  private int lastValidCut(byte[] bytes, int from, int to) {
    int start = from;
    while (start < to && start > 0 && (bytes[start] & 0xc0) == 0x80) {
      start++;
    }
    int end = to;
    // The last character may not be complete.
    for (int back = 1; back <= 3 && to - back > start; back++) {
      byte b = bytes[to - back];
      if ((b & 0xc0) == 0xc0) {
        end = Utf8.sizeOf(b) > back ? to - back : to;
        break;
      }
      if (b >= 0) {
        break;
      }
    }
    if (Utf8.firstInvalid(bytes, start, end) < 0) {
      return cuts.rule().last(bytes, start, end);
    }
    for (int i = end - 2; i > start; i--) {
      if (bytes[i - 1] >= 0
          && bytes[i] == ' '
          && bytes[i + 1] >= 0
          && cuts.rule().last(bytes, i - 1, i + 2) == i) {
        return i;
      }
    }
    return -1;
  }

  private int grown(int want) {
    if (want >= hold) {
      throw new UncuttableTextException(
          (cuts.exist()
                  ? "the text has no space between words, where it could be encoded in parts, in "
                  : "the tokenizer "
                      + tokenizer.name()
                      + " must see a text whole, and this one has more than ")
              + (hold >> 20)
              + " MiB; encode it line by line, or in files of less");
    }
    return (int) Math.min(2L * want, hold);
  }

  private int grownLine(int want) {
    if (want >= hold) {
      throw new UncuttableTextException(
          "a line of more than " + (hold >> 20) + " MiB; encode the text whole, not line by line");
    }
    return (int) Math.min(2L * want, hold);
  }

  /** What was read and not yet encoded. */
  private static final class Window {
    private final InputStream in;
    private byte[] bytes = new byte[0];
    private int size;

    Window(InputStream in) {
      this.in = Objects.requireNonNull(in);
    }

    /** Reads until so many bytes are there; false if the input ended before. */
    boolean fill(int want) throws IOException {
      if (bytes.length < want) {
        bytes = Arrays.copyOf(bytes, want);
      }
      if (size < want) {
        size += in.readNBytes(bytes, size, want - size);
      }
      return size >= want;
    }

    /** Reads what there is, but no more than makes so many bytes; false if the input has ended. */
    boolean fillSome(int most) throws IOException {
      if (bytes.length < most) {
        bytes = Arrays.copyOf(bytes, most);
      }
      int before = size;
      while (size < most && (size == before || in.available() > 0)) {
        int count = in.read(bytes, size, most - size);
        if (count < 0) {
          return size > before;
        }
        size += count;
      }
      return true;
    }

    byte[] take(int count) {
      byte[] taken = Arrays.copyOf(bytes, count);
      System.arraycopy(bytes, count, bytes, 0, size - count);
      size -= count;
      return taken;
    }
  }
}
