package jllm.cli;

import java.io.IOException;
import jllm.generate.TextSink;

/** Where a chat is shown: the answers, and what the program says beside them. */
interface ChatView extends TextSink {

  /** Says that an answer is to come. */
  default void beginAnswer() throws IOException {}

  /** Ends an answer. */
  void endAnswer() throws IOException;

  /** Says something about the chat; lines may be broken to fit. */
  void say(String text) throws IOException;

  /** Shows text whose lines are not to be broken anew. */
  void show(String text) throws IOException;

  /** The status behind an answer. */
  void status(ChatStatus status) throws IOException;

  /** How many columns there are. */
  int width();
}
