package jllm.generate.jinja;

import org.jspecify.annotations.Nullable;

/**
 * A variable, attribute or element that is not there. It prints as nothing, is false and iterates
 * over nothing; all other uses fail.
 *
 * @param message what the failure says
 */
record Undefined(String message) {

  static Undefined variable(String name) {
    return new Undefined("'" + name + "' is undefined");
  }

  /** A missing attribute or element. */
  static Undefined in(Object owner, Object name) {
    String type = describe(owner);
    return new Undefined(
        name instanceof String || name instanceof Markup
            ? Repr.quoted(type) + " has no attribute " + Repr.quoted(Values.text(name))
            : type + " has no element " + Repr.repr(name));
  }

  /** An attribute that the sandbox keeps from templates. */
  static Undefined unsafe(Object owner, String name) {
    return new Undefined(
        "access to attribute "
            + Repr.quoted(name)
            + " of "
            + Repr.quoted(Values.typeName(owner))
            + " object is unsafe.");
  }

  private static String describe(Object owner) {
    String type = Values.typeName(owner);
    String home =
        switch (type) {
          case "NoneType" -> null;
          case "Namespace", "Cycler", "Joiner" -> "jinja2.utils.";
          case "Macro", "LoopContext" -> "jinja2.runtime.";
          case "Markup" -> "markupsafe.";
          default -> "";
        };
    return home == null ? "None" : home + type + " object";
  }

  TemplateException failure() {
    return new TemplateException(message);
  }

  /** Fails if any of the values is undefined. */
  static void refuse(@Nullable Object... values) {
    for (Object value : values) {
      if (value instanceof Undefined undefined) {
        throw undefined.failure();
      }
    }
  }
}
