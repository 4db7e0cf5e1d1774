package jllm.train.sample;

import java.util.Set;
import jllm.generate.chat.Conversation;

/** One thing to learn from, before it is written as the model reads it. */
public sealed interface Sample {

  /** File and line, for messages. */
  String where();

  /** What its record looks like. */
  SampleFormat format();

  /**
   * A conversation.
   *
   * @param unlearned numbers of messages that are not learned though they may be answers: those of
   *     a prompt, and those with a weight of 0
   */
  record Talk(String where, SampleFormat format, Conversation chat, Set<Integer> unlearned)
      implements Sample {}

  /** A text and how it goes on. */
  record Completion(String where, String prompt, String completion) implements Sample {
    @Override
    public SampleFormat format() {
      return SampleFormat.COMPLETION;
    }
  }

  /** A text. */
  record Text(String where, String text) implements Sample {
    @Override
    public SampleFormat format() {
      return SampleFormat.TEXT;
    }
  }
}
