package jllm.train.sample;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import jllm.generate.chat.ChatEncoder;
import jllm.generate.chat.ChatTemplate;
import jllm.generate.chat.ChatTokens;
import jllm.generate.chat.ChatTokens.Range;
import jllm.generate.chat.Conversation;
import jllm.generate.chat.Message;
import jllm.generate.chat.UnknownTurnException;
import jllm.generate.jinja.TemplateException;
import jllm.tokenize.EncodeOptions;
import jllm.tokenize.TokenBuffer;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.text.Utf8;
import jllm.train.DataException;

/**
 * Writes samples as a model reads them and says what is learned: of conversations every answer of
 * the assistant with what ends it, of completions these and the end of the text, of texts all.
 * Thread-safe.
 */
public final class SampleEncoder {
  private static final String PROBE = "\ue010\ue011";

  private final Tokenizer tokenizer;
  private final Encoder plain;
  private final Encoder forTools;
  private final SampleEncoding options;
  private final int eos;

  /**
   * An encoder of conversations.
   *
   * @param parts whether the template wants contents as lists of parts
   */
  private record Encoder(ChatEncoder chat, boolean parts) {}

  /**
   * @param templates the template for conversations without tools (false) and with them
   */
  public SampleEncoder(
      Tokenizer tokenizer, Function<Boolean, ChatTemplate> templates, SampleEncoding options) {
    this.tokenizer = tokenizer;
    this.options = options;
    ChatTemplate usual = templates.apply(false);
    ChatTemplate tools = templates.apply(true);
    this.plain = encoder(usual);
    this.forTools = tools.source().equals(usual.source()) ? plain : encoder(tools);
    this.eos = tokenizer.special().eos();
  }

  private Encoder encoder(ChatTemplate template) {
    Message message = Message.user(PROBE);
    boolean parts = !shows(template, message) && shows(template, message.withContent(parts(PROBE)));
    return new Encoder(new ChatEncoder(template, tokenizer), parts);
  }

  private static boolean shows(ChatTemplate template, Message message) {
    try {
      return template.render(List.of(message), false).contains(PROBE);
    } catch (TemplateException refused) {
      return false;
    }
  }

  private static List<Map<String, String>> parts(String text) {
    return List.of(Map.of("type", "text", "text", text));
  }

  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /** The name of the template of conversations without tools. */
  public String templateName() {
    return plain.chat.template().name();
  }

  /**
   * Writes a sample.
   *
   * @throws DataException if the template refuses it, or the answers in it cannot be found
   */
  public RenderedSample render(Sample sample) {
    return switch (sample) {
      case Sample.Talk talk -> talk(talk);
      case Sample.Completion completion when options.promptsAreMessages() -> asTalk(completion);
      case Sample.Completion completion ->
          text(completion.prompt() + completion.completion(), completion.prompt());
      case Sample.Text text -> text(text.text(), "");
    };
  }

  /** Whether there is nothing to learn in a sample: no answer with a text, or an empty text. */
  public static boolean isEmpty(Sample sample) {
    return switch (sample) {
      case Sample.Completion completion -> completion.completion().isBlank();
      case Sample.Text text -> text.text().isBlank();
      case Sample.Talk talk -> {
        for (int i = 0; i < talk.chat().messages().size(); i++) {
          Message message = talk.chat().messages().get(i);
          boolean says = message.content() instanceof String text && !text.isBlank();
          boolean calls = message.fields().get("tool_calls") != null;
          if (message.isAssistant() && (says || calls) && !talk.unlearned().contains(i)) {
            yield false;
          }
        }
        yield true;
      }
    };
  }

  private RenderedSample asTalk(Sample.Completion sample) {
    Conversation chat =
        new Conversation(
            List.of(Message.user(sample.prompt()), Message.assistant(sample.completion())), false);
    return talk(new Sample.Talk(sample.where(), sample.format(), chat, java.util.Set.of()));
  }

  private RenderedSample talk(Sample.Talk talk) {
    Encoder encoder = talk.chat().hasTools() ? forTools : plain;
    ChatTokens tokens;
    try {
      tokens = encoder.chat.encode(encoder.parts ? inParts(talk.chat()) : talk.chat());
    } catch (TemplateException refused) {
      throw new DataException(
          "%s: the chat template %s: %s"
              .formatted(
                  talk.where(),
                  refused.isRaisedByTemplate()
                      ? "refuses this conversation"
                      : "cannot be rendered with it (line " + refused.line() + ")",
                  refused.getMessage()),
          refused);
    } catch (UnknownTurnException unknown) {
      throw new DataException(talk.where() + ": " + unknown.getMessage(), unknown);
    }
    return withEnd(tokens, encoder.chat, talk);
  }

  private static Conversation inParts(Conversation chat) {
    List<Message> messages = new ArrayList<>();
    for (Message message : chat.messages()) {
      boolean text = message.content() instanceof String;
      messages.add(text ? message.withContent(parts(String.valueOf(message.content()))) : message);
    }
    return chat.with(messages, false);
  }

  /**
   * Each answer with the token that ends its turn, also where a template's {@code generation}
   * blocks leave it out. One at the end that nothing ends gets the end of the text: a model must
   * learn to stop.
   */
  private RenderedSample withEnd(ChatTokens chat, ChatEncoder encoder, Sample.Talk talk) {
    TokenBuffer tokens = chat.tokens();
    List<Range> turns = new ArrayList<>();
    int open = 0;
    for (Range turn : chat.turns()) {
      boolean isLast = turns.size() + 1 == chat.turns().size();
      Range whole = turn;
      if (!ended(chat, turn, encoder)) {
        boolean follows = turn.end() < tokens.size() && encoder.endsTurn(tokens.id(turn.end()));
        if (follows) {
          whole = new Range(turn.start(), turn.end() + 1);
        } else if (isLast && eos >= 0 && endsConversation(chat, turn)) {
          whole = new Range(turn.start(), turn.end() + 1);
          int end = end(tokens, turn);
          tokens.truncate(turn.end());
          tokens.add(eos, end, end);
        } else {
          open++;
        }
      }
      turns.add(whole);
    }
    return new RenderedSample(
        chat.text(), tokens, learned(tokens, turns, talk), List.copyOf(turns), open);
  }

  /** Whether a turn is followed by nothing but spaces. */
  private static boolean endsConversation(ChatTokens chat, Range turn) {
    byte[] bytes = Utf8.bytes(chat.text());
    int end = end(chat.tokens(), turn);
    return new String(bytes, end, bytes.length - end, StandardCharsets.UTF_8).isBlank();
  }

  /** The byte behind a turn. */
  private static int end(TokenBuffer tokens, Range turn) {
    return turn.end() == 0 ? 0 : tokens.end(turn.end() - 1);
  }

  /** Whether a turn ends with a token for that, or with the text that ends answers instead. */
  private static boolean ended(ChatTokens chat, Range turn, ChatEncoder encoder) {
    if (turn.end() == turn.start()) {
      return false;
    }
    TokenBuffer tokens = chat.tokens();
    if (encoder.endsTurn(tokens.id(turn.end() - 1))) {
      return true;
    }
    int end = tokens.end(turn.end() - 1);
    String text = new String(Utf8.bytes(chat.text()), 0, end, StandardCharsets.UTF_8);
    return encoder.stops().stream().anyMatch(text::endsWith);
  }

  private List<Range> learned(TokenBuffer tokens, List<Range> turns, Sample.Talk talk) {
    if (options.trainOnPrompt()) {
      return List.of(new Range(0, tokens.size()));
    }
    if (talk.unlearned().isEmpty()) {
      return List.copyOf(turns);
    }
    List<Message> messages = talk.chat().messages();
    List<Integer> answers = new ArrayList<>();
    for (int i = 0; i < messages.size(); i++) {
      if (messages.get(i).isAssistant()) {
        answers.add(i);
      }
    }
    if (answers.size() != turns.size()) {
      throw new DataException(
          "%s: the template marks %d turns of the assistant in %d messages, so those that are not to be learned cannot be told"
              .formatted(talk.where(), turns.size(), answers.size()));
    }
    List<Range> learned = new ArrayList<>();
    for (int i = 0; i < turns.size(); i++) {
      if (!talk.unlearned().contains(answers.get(i))) {
        learned.add(turns.get(i));
      }
    }
    return learned;
  }

  /** A text with BOS where the tokenizer puts it, and EOS; what follows the prompt is learned. */
  private RenderedSample text(String text, String prompt) {
    TokenBuffer tokens = tokenizer.encodeWithOffsets(text, new EncodeOptions(true, true));
    int end = Utf8.bytes(text).length;
    if (eos >= 0 && (tokens.size() == 0 || tokens.id(tokens.size() - 1) != eos)) {
      tokens.add(eos, end, end);
    }
    int prompted = options.trainOnPrompt() ? 0 : Utf8.bytes(prompt).length;
    int first = 0;
    while (prompted > 0 && first < tokens.size() && tokens.end(first) <= prompted) {
      first++;
    }
    Range learned = new Range(first, tokens.size());
    return new RenderedSample(text, tokens, List.of(learned), List.of(), 0);
  }
}
