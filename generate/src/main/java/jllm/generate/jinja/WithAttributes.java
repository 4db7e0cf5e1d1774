package jllm.generate.jinja;

import org.jspecify.annotations.Nullable;

/** An object of the runtime with attributes of its own. */
interface WithAttributes {

  /** The attribute, absent if there is none of that name. */
  @Nullable Object attribute(String name);

  /** The name of its Python type, for messages. */
  String typeName();
}
