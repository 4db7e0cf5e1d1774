package jllm.tokenize;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import jllm.tokenize.decode.Decoder;
import jllm.tokenize.decode.JoinDecoder;
import jllm.tokenize.text.TextBuffer;
import jllm.tokenize.text.Workspace;

/**
 * Text to token ids and back, exactly as the reference implementation of the same vocabulary does
 * it. Immutable and thread-safe. Get one from {@code jllm.tokenize.read.Tokenizers}.
 */
public final class Tokenizer {

  private final Pipeline pipeline;
  private final Plan plan;
  private final AddedTokenMatcher raw;
  private final AddedTokenMatcher normalized;
  private final Decoder decoder;
  private final ConcurrentLinkedQueue<Encoder> idle = new ConcurrentLinkedQueue<>();

  public Tokenizer(Pipeline pipeline) {
    this.pipeline = pipeline;
    this.plan = Plan.of(pipeline);
    List<AddedTokenMatcher.Entry> asWritten = new ArrayList<>();
    List<AddedTokenMatcher.Entry> asNormalized = new ArrayList<>();
    // Special tokens come first, as in Hugging Face's library: normalized, two may look the same.
    List<AddedToken> ordered = new ArrayList<>(pipeline.added());
    ordered.sort(Comparator.comparing(token -> !token.special()));
    for (AddedToken token : ordered) {
      byte[] bytes = token.content().getBytes(StandardCharsets.UTF_8);
      if (!token.normalized() || pipeline.normalizer() == null) {
        (token.normalized() ? asNormalized : asWritten)
            .add(new AddedTokenMatcher.Entry(token, bytes));
      } else {
        Workspace workspace = new Workspace();
        workspace.wrap(bytes, 0, bytes.length, 0);
        pipeline.normalizer().normalize(workspace);
        TextBuffer text = workspace.text();
        asNormalized.add(
            new AddedTokenMatcher.Entry(
                token, java.util.Arrays.copyOfRange(text.bytes(), text.start(), text.end())));
      }
    }
    raw = new AddedTokenMatcher(asWritten);
    normalized = new AddedTokenMatcher(asNormalized);
    decoder = pipeline.decoder() == null ? new JoinDecoder() : pipeline.decoder();
  }

  /** What to call the tokenizer. */
  public String name() {
    return pipeline.name();
  }

  public Vocabulary vocabulary() {
    return pipeline.vocabulary();
  }

  /** The ids of BOS, EOS and their like. */
  public SpecialIds special() {
    return pipeline.special();
  }

  /** Whether a generation ends at this token: end of sequence, of turn, of message. */
  public boolean isEndOfGeneration(int id) {
    return id >= 0 && pipeline.endOfGeneration().get(id);
  }

  /** The components, for writers and tools. */
  public Pipeline pipeline() {
    return pipeline;
  }

  /** An encoder for one thread to keep. */
  public Encoder newEncoder() {
    return new Encoder(plan, raw, normalized);
  }

  /** The tokens of a text: nothing added, special text taken as text. */
  public int[] encode(CharSequence text) {
    return encode(text, EncodeOptions.PLAIN);
  }

  /** The tokens of a text. */
  public int[] encode(CharSequence text, EncodeOptions options) {
    Encoder encoder = borrow();
    TokenBuffer out = encoder.scratch();
    encoder.encode(text, options, out);
    int[] ids = out.toArray();
    idle.add(encoder);
    return ids;
  }

  /** The tokens of a text with the range of its UTF-8 form that each covers. */
  public TokenBuffer encodeWithOffsets(CharSequence text, EncodeOptions options) {
    TokenBuffer out = new TokenBuffer(true);
    Encoder encoder = borrow();
    encoder.encode(text, options, out);
    idle.add(encoder);
    return out;
  }

  private Encoder borrow() {
    Encoder encoder = idle.poll();
    return encoder == null ? newEncoder() : encoder;
  }

  /** The tokens of many texts, on all cores; the order is that of the texts. */
  public List<int[]> encodeAll(List<? extends CharSequence> texts, EncodeOptions options) {
    int[][] results = new int[texts.size()][];
    IntStream.range(0, results.length)
        .parallel()
        .forEach(i -> results[i] = encode(texts.get(i), options));
    return List.of(results);
  }

  /**
   * The text of tokens, special ones left out.
   *
   * @throws IllegalArgumentException if no token has one of the ids
   */
  public String decode(int... ids) {
    return decode(ids, true);
  }

  /**
   * The text of tokens. Bytes that are no character become U+FFFD.
   *
   * @param skipSpecial whether special tokens are left out
   * @throws IllegalArgumentException if no token has one of the ids
   */
  public String decode(int[] ids, boolean skipSpecial) {
    StringBuilder text = new StringBuilder(ids.length * 4);
    Decoder.Stage stage = decoder.begin(text::append);
    Vocabulary vocabulary = pipeline.vocabulary();
    for (int id : ids) {
      String token = vocabulary.text(id);
      if (!skipSpecial || !vocabulary.isSpecial(id)) {
        stage.accept(token);
      }
    }
    stage.finish();
    return text.toString();
  }

  /** A decoder for tokens that come one at a time; special ones give no text. */
  public StreamDecoder streamDecoder() {
    return streamDecoder(true);
  }

  /**
   * A decoder for tokens that come one at a time.
   *
   * @param skipSpecial whether special tokens give no text
   */
  public StreamDecoder streamDecoder(boolean skipSpecial) {
    return new StreamDecoder(pipeline.vocabulary(), decoder, skipSpecial);
  }

  /**
   * The bytes that a token stands for in the middle of a text; not always whole characters.
   *
   * @throws IllegalArgumentException if no token has that id
   */
  public byte[] tokenBytes(int id) {
    String text = pipeline.vocabulary().text(id);
    return pipeline.vocabulary().isAdded(id)
        ? text.getBytes(StandardCharsets.UTF_8)
        : pipeline.spelling().bytes(text);
  }

  @Override
  public String toString() {
    return pipeline.name() + " (" + pipeline.vocabulary().size() + " tokens)";
  }
}
