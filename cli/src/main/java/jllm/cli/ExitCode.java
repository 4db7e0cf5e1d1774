package jllm.cli;

/** What the program's exit status means; part of its interface, listed in the README. */
final class ExitCode {
  /** Done; also when the reader of a pipe went away. */
  static final int OK = 0;

  /** A bug of this program, reported with a stack trace. */
  static final int BUG = 1;

  static final int USAGE = 2;

  /** A file is missing, unreadable or unwritable, or the disk is full. */
  static final int FILE = 3;

  /** A file is damaged or of a kind that is not supported. */
  static final int FORMAT = 4;

  /** No such device, or not enough memory. */
  static final int RESOURCES = 5;

  /** A check that was asked for failed. */
  static final int CHECK_FAILED = 6;

  static final int INTERRUPTED = 130;

  private ExitCode() {}
}
