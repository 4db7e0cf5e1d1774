package jllm.generate.jinja;

import java.util.List;

/** What a value is assigned to. */
sealed interface Target {

  record Name(String name) implements Target {}

  /** An attribute of a namespace. */
  record Attribute(String namespace, String name) implements Target {}

  record Several(List<Target> targets) implements Target {}
}
