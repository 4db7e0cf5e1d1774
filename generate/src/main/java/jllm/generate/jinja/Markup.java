package jllm.generate.jinja;

/** A string that counts as HTML already: {@code +} escapes what is added to it. */
record Markup(String text) {

  static Markup escape(Object value) {
    return value instanceof Markup markup ? markup : new Markup(escaped(Repr.str(value)));
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&#34;")
        .replace("'", "&#39;");
  }
}
