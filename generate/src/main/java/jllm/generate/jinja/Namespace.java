package jllm.generate.jinja;

import org.jspecify.annotations.Nullable;

/** {@code namespace()}: the one object whose attributes a template can set. */
final class Namespace implements WithAttributes {
  private final Dict attributes;

  Namespace(Dict attributes) {
    this.attributes = attributes;
  }

  @Override
  public @Nullable Object attribute(String name) {
    return attributes.get(name);
  }

  void set(String name, Object value) {
    attributes.put(name, value);
  }

  Dict attributes() {
    return attributes;
  }

  @Override
  public String typeName() {
    return "Namespace";
  }
}
