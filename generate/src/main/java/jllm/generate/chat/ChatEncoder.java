package jllm.generate.chat;

import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import jllm.generate.PromptEncoder;
import jllm.generate.jinja.TemplateException;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.text.Utf8;

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

  /** Whether an answer ends with a token. */
  public boolean endsTurn(int id) {
    return stopTokens.contains(id) || tokenizer.isEndOfGeneration(id);
  }

  /**
   * The tokens of a conversation.
   *
   * @param prompt whether they end with what an answer begins with
   * @throws TemplateException if the template refuses the conversation
   */
  public int[] encode(List<Message> messages, boolean prompt) {
    char mark = MessageGuard.mark(messages);
    return tokens(template.render(guard.guard(messages, mark), prompt), mark).toArray();
  }

  /**
   * The tokens of a whole conversation, and which of them its assistant wrote.
   *
   * @throws TemplateException if the template refuses the conversation
   * @throws UnknownTurnException if what the assistant wrote cannot be told from the rest
   */
  public ChatTokens encode(Conversation chat) {
    char mark = MessageGuard.mark(chat.messages());
    AssistantSpans.Result result =
        AssistantSpans.of(template, chat.with(guard.guard(chat.messages(), mark), false));
    String text = result.text();
    TokenBuffer tokens = tokens(text, mark);
    List<ChatTokens.Range> turns =
        result.spans().stream()
            .map(span ->
                ChatTokens.range(
                    tokens,
                    bytes(text.substring(0, span.start()), mark),
                    bytes(text.substring(0, span.end()), mark)))
            .toList();
    return new ChatTokens(unmarked(text, mark), tokens, turns);
  }

  private static int bytes(String text, char mark) {
    return Utf8.bytes(unmarked(text, mark)).length;
  }

  private static String unmarked(String text, char mark) {
    return text.replace(String.valueOf(mark), "");
  }

  /**
   * The tokens of a rendering, in which marks break the names that are not to become special
   * tokens, with BOS in front where the tokenizer adds it. Their places are those in the text
   * without marks.
   */
  private TokenBuffer tokens(String rendering, char mark) {
    TokenBuffer tokens =
        rendering.indexOf(mark) < 0
            ? tokenizer.encodeWithOffsets(rendering, EncodeOptions.PARSE_SPECIAL)
            : guarded(rendering, mark);
    int bos = tokenizer.special().bos();
    if (addsBos && (tokens.size() == 0 || tokens.id(0) != bos)) {
      tokens.insert(0, bos, 0, 0);
    }
    return tokens;
  }

  /** A stretch of text with marks, from one special token to the next, is encoded by itself. */
  private TokenBuffer guarded(String rendering, char mark) {
    byte[] bytes = rendering.getBytes(StandardCharsets.UTF_8);
    TokenBuffer found = tokenizer.encodeWithOffsets(rendering, EncodeOptions.PARSE_SPECIAL);
    TokenBuffer tokens = new TokenBuffer(true);
    int at = 0;
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
        at = add(text(bytes, from, stretch), EncodeOptions.PARSE_SPECIAL, at, tokens);
        at = add(unmarked(text, mark), EncodeOptions.PLAIN, at, tokens);
        from = stretchEnd;
      }
      stretch = end ? stretchEnd : found.end(i);
    }
    add(text(bytes, from, bytes.length), EncodeOptions.PARSE_SPECIAL, at, tokens);
    return tokens;
  }

  /** Adds the tokens of a text that begins at byte {@code at}; returns its end. */
  private int add(String text, EncodeOptions options, int at, TokenBuffer tokens) {
    TokenBuffer part = tokenizer.encodeWithOffsets(text, options);
    for (int i = 0; i < part.size(); i++) {
      tokens.add(part.id(i), at + part.start(i), at + part.end(i));
    }
    return at + Utf8.bytes(text).length;
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
