package jllm.generate.jinja;

/** A value that can be called. */
interface Function {

  Object call(Arguments arguments);

  /** The name of its Python type, for messages. */
  default String typeName() {
    return "function";
  }
}
