package jllm.generate.chat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import jllm.generate.PromptEncoder;
import jllm.generate.jinja.TemplateException;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;

/**
 * From a conversation to the tokens that a model goes on with, and what ends its answer. What the
 * template writes may be special tokens; what the messages hold is text, also where it is spelled
 * like one. BOS comes first if the template writes it or the tokenizer adds it, never twice.
 */
public final class ChatEncoder {
  private static final String MARK = "\ue000\ue001";

  private final ChatTemplate template;
  private final Tokenizer tokenizer;
  private final MessageGuard guard;
  private final boolean addsBos;
  private final Set<Integer> stopTokens = new HashSet<>();

  public ChatEncoder(ChatTemplate template, Tokenizer tokenizer) {
    this.template = template;
    this.tokenizer = tokenizer;
    this.guard = new MessageGuard(tokenizer.vocabulary());
    int bos = tokenizer.special().bos();
    this.addsBos = bos >= 0 && new PromptEncoder(tokenizer, false).encode("a")[0] == bos;
    findStopTokens();
  }

  public ChatTemplate template() {
    return template;
  }

  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /** Texts that end an answer. */
  public List<String> stops() {
    return template.stops();
  }

  /** Tokens that end an answer, beside those at which the tokenizer says that a text ends. */
  public Set<Integer> stopTokens() {
    return Set.copyOf(stopTokens);
  }

  /**
   * The tokens of a conversation.
   *
   * @param prompt whether they end with what an answer begins with
   * @throws TemplateException if the template refuses the conversation
   */
  public int[] encode(List<Message> messages, boolean prompt) {
    char mark = MessageGuard.mark(messages);
    int[] tokens = tokens(template.render(guard.guard(messages, mark), prompt), mark);
    int bos = tokenizer.special().bos();
    if (!addsBos || (tokens.length > 0 && tokens[0] == bos)) {
      return tokens;
    }
    return IntStream.concat(IntStream.of(bos), IntStream.of(tokens)).toArray();
  }

  /**
   * The tokens of a rendering, in which marks break the names that are not to become special
   * tokens. A stretch of text with marks, from one special token to the next, is encoded by itself.
   */
  private int[] tokens(String rendering, char mark) {
    if (rendering.indexOf(mark) < 0) {
      return tokenizer.encode(rendering, EncodeOptions.PARSE_SPECIAL);
    }
    byte[] bytes = rendering.getBytes(StandardCharsets.UTF_8);
    TokenBuffer found = tokenizer.encodeWithOffsets(rendering, EncodeOptions.PARSE_SPECIAL);
    List<int[]> parts = new ArrayList<>();
    int from = 0;
    int stretch = 0;
    for (int i = 0; i <= found.size(); i++) {
      boolean end = i == found.size();
      if (!end && !tokenizer.vocabulary().isSpecial(found.id(i))) {
        continue;
      }
      int stretchEnd = end ? bytes.length : found.start(i);
      String text = text(bytes, stretch, stretchEnd);
      if (text.indexOf(mark) >= 0) {
        parts.add(tokenizer.encode(text(bytes, from, stretch), EncodeOptions.PARSE_SPECIAL));
        parts.add(tokenizer.encode(text.replace(String.valueOf(mark), ""), EncodeOptions.PLAIN));
        from = stretchEnd;
      }
      stretch = end ? stretchEnd : found.end(i);
    }
    parts.add(tokenizer.encode(text(bytes, from, bytes.length), EncodeOptions.PARSE_SPECIAL));
    return parts.stream().flatMapToInt(IntStream::of).toArray();
  }

  private static String text(byte[] bytes, int from, int to) {
    return new String(bytes, from, Math.max(0, to - from), StandardCharsets.UTF_8);
  }

  /** What the template ends a turn with is known from a rendering of one. */
  private void findStopTokens() {
    for (String stop : template.stops()) {
      int id = tokenizer.vocabulary().id(stop);
      if (id >= 0) {
        stopTokens.add(id);
      }
    }
    String turn;
    try {
      turn = template.render(List.of(Message.user("x"), Message.assistant(MARK)), false);
    } catch (TemplateException refused) {
      return;
    }
    int at = turn.lastIndexOf(MARK);
    if (at < 0) {
      return;
    }
    String end = turn.substring(at + MARK.length()).stripLeading();
    TokenBuffer tokens = tokenizer.encodeWithOffsets(end, EncodeOptions.PARSE_SPECIAL);
    if (tokens.size() > 0
        && tokenizer.vocabulary().isSpecial(tokens.id(0))
        && tokens.id(0) != tokenizer.special().bos()) {
      stopTokens.add(tokens.id(0));
    }
  }
}
