package jllm.generate.jinja;

/** Python's {@code None}. */
enum None {
  NONE
}
