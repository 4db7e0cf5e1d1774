package jllm.generate.jinja;

import java.util.Iterator;

/**
 * A generator: elements that can be iterated over once, computed when they are asked for.
 *
 * @param typeName the name of its Python type, for messages
 */
record Stream(String typeName, Iterator<Object> elements) {
  Stream(Iterator<Object> elements) {
    this("generator", elements);
  }

  // Two generators are the same only if they are one.

  @Override
  public boolean equals(Object other) {
    return this == other;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }
}
