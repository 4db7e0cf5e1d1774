package jllm.generate.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import jllm.generate.GenerationOptions;
import jllm.generate.PromptTooLongException;
import jllm.generate.StopReason;
import jllm.generate.TextSink;
import jllm.generate.jinja.TemplateException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The course of a talk, on a model that says the same letter until it is stopped. */
class ChatSessionTest {
  private static final TextSink NOWHERE = _ -> {};
  private static final Map<Integer, Float> SAYS_A = Map.of((int) 'a', 1000f);

  private final ByteChat model = new ByteChat(256);
  private final ChatSession chat =
      new ChatSession(model.session, ByteChat.encoder(NamedTemplate.CHATML, false));

  @AfterEach
  void close() {
    model.close();
  }

  private static GenerationOptions letters(int count) {
    return ByteChat.greedy(count, SAYS_A);
  }

  private List<String> talk() {
    return chat.messages().stream()
        .map(message -> message.role().charAt(0) + ":" + message.content())
        .toList();
  }

  @Test
  void aTalkGoesOnWithoutComputingItsBeginningAgain() throws IOException {
    chat.setSystem("S");
    StringBuilder shown = new StringBuilder();
    ChatTurn first = chat.answer("one", letters(3), shown::append);
    assertEquals("aaa", first.text());
    assertEquals("aaa", shown.toString());
    int seen = first.generation().promptTokens();
    ChatTurn second = chat.answer("two", letters(2), NOWHERE);
    // Prompt and answer, but for the answer's last token, which the model has not seen.
    assertEquals(seen + 2, second.generation().reusedTokens());
    assertEquals(List.of("s:S", "u:one", "a:aaa", "u:two", "a:aa"), talk());
    assertEquals(chat.encoder().encode(chat.messages(), false).length, chat.length());
  }

  @Test
  void theTokenThatEndsATurnEndsTheAnswer() throws IOException {
    ChatTurn turn = chat.answer("x", ByteChat.greedy(9, Map.of(ByteChat.TURN_END, 1000f)), NOWHERE);
    assertTrue(turn.text().isEmpty());
    assertFalse(turn.generation().reason() == StopReason.TOKEN_LIMIT);
    assertEquals(List.of("u:x", "a:"), talk());
  }

  @Test
  void undoClearAndAnotherSystemMessage() throws IOException {
    assertEquals(Optional.empty(), chat.undo());
    chat.setSystem("S");
    chat.answer("one", letters(1), NOWHERE);
    chat.answer("two", letters(1), NOWHERE);
    assertEquals(Optional.of("two"), chat.undo());
    assertEquals(List.of("s:S", "u:one", "a:a"), talk());
    chat.setSystem("T");
    assertEquals(List.of("s:T", "u:one", "a:a"), talk());
    chat.clear();
    assertEquals(List.of("s:T"), talk());
    chat.setSystem("");
    assertEquals(List.of(), talk());
    assertEquals(0, chat.length());
  }

  @Test
  void anAnswerCanBeGivenAgain() throws IOException {
    assertThrows(IllegalStateException.class, () -> chat.regenerate(letters(1), NOWHERE));
    chat.answer("one", letters(1), NOWHERE);
    chat.regenerate(letters(4), NOWHERE);
    assertEquals(List.of("u:one", "a:aaaa"), talk());
    chat.restore(List.of(Message.user("left alone")));
    chat.regenerate(letters(2), NOWHERE);
    assertEquals(List.of("u:left alone", "a:aa"), talk());
  }

  @Test
  void aCancelledAnswerIsKeptAsFarAsItWent() throws IOException {
    StringBuilder shown = new StringBuilder();
    ChatTurn turn =
        chat.answer(
            "one",
            letters(100),
            text -> {
              shown.append(text);
              if (shown.length() == 5) {
                chat.cancel();
              }
            });
    assertEquals(StopReason.CANCELLED, turn.generation().reason());
    assertEquals(shown.toString(), turn.text());
    assertEquals(List.of("u:one", "a:" + shown), talk());
    chat.answer("two", letters(2), NOWHERE);
    assertEquals("a:aa", talk().getLast());
  }

  @Test
  void withoutAnAnswerNothingWasSaid() throws IOException {
    chat.answer("one", letters(1), NOWHERE);
    chat.cancel();
    assertEquals("", chat.answer("two", letters(5), NOWHERE).text());
    assertEquals(List.of("u:one", "a:a"), talk());
    chat.cancel();
    chat.regenerate(letters(5), NOWHERE);
    assertEquals(List.of("u:one", "a:a"), talk());
    assertThrows(
        IOException.class,
        () ->
            chat.answer(
                "three",
                letters(5),
                _ -> {
                  throw new IOException("closed");
                }));
    assertEquals(List.of("u:one", "a:a"), talk());
  }

  @Test
  void theOldestTurnsAreLeftOutOfAFullContext() throws IOException {
    chat.setSystem("Remember me");
    int leftOut = 0;
    for (int i = 0; i < 12; i++) {
      ChatTurn turn = chat.answer("question " + i, letters(9), NOWHERE);
      assertTrue(turn.length() <= 256, "turn " + i + ": " + turn.length());
      assertEquals(9, turn.text().length());
      assertEquals(0, turn.leftOut() % 2, "whole turns");
      leftOut += turn.leftOut();
    }
    assertTrue(leftOut > 0);
    assertEquals(leftOut, chat.leftOut());
    assertEquals(25, chat.messages().size());
    String seen = chat.encoder().tokenizer().decode(model.session.tokens(), false);
    assertTrue(
        seen.startsWith("<|im_start|>system\nRemember me<|im_end|>\n<|im_start|>user"), seen);
    assertFalse(seen.contains("question 0"), seen);
    assertTrue(seen.contains("question 11"), seen);
  }

  @Test
  void anAnswerEndsWithTheContext() throws IOException {
    ChatTurn turn = chat.answer("go on", letters(-1), NOWHERE);
    assertEquals(StopReason.CONTEXT_FULL, turn.generation().reason());
    assertEquals("a:" + turn.text(), talk().getLast());
    // The long answer cannot be kept beside another one.
    assertEquals(2, chat.answer("and", letters(4), NOWHERE).leftOut());
  }

  @Test
  void aMessageBeyondTheContextIsRefused() throws IOException {
    chat.answer("one", letters(1), NOWHERE);
    assertThrows(
        PromptTooLongException.class, () -> chat.answer("x".repeat(300), letters(1), NOWHERE));
    assertEquals(List.of("u:one", "a:a"), talk());
    assertEquals(0, chat.leftOut());
  }

  @Test
  void aTemplateMayRefuseASystemMessage() {
    String source =
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}x";
    ChatSession other =
        new ChatSession(
            model.session,
            new ChatEncoder(ChatTemplate.of("t", source, Map.of()), ByteChat.tokenizer(false)));
    assertThrows(TemplateException.class, () -> other.setSystem("S"));
    assertEquals(List.of(), other.messages());
  }
}
