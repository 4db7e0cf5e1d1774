package jllm.cli;

/** Text that does nothing to a terminal but appear on it. */
final class Visible {
  private static final int PICTURES = 0x2400;

  private Visible() {}

  /**
   * The text with control characters, such as those that begin the commands of a terminal, replaced
   * by their pictures; line breaks and tabs stay, carriage returns go.
   */
  static String of(String text) {
    StringBuilder visible = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\n' || c == '\t' || !Character.isISOControl(c)) {
        visible.append(c);
      } else if (c != '\r') {
        visible.append(c < ' ' ? (char) (PICTURES + c) : c == 0x7f ? '\u2421' : '\ufffd');
      }
    }
    return visible.toString();
  }

  /** The text in lines of at most {@code width} characters, broken at spaces where it has any. */
  static String wrapped(String text, int width) {
    StringBuilder lines = new StringBuilder();
    for (String line : text.split("\n", -1)) {
      lines.append(lines.isEmpty() ? "" : "\n");
      String rest = line;
      while (rest.length() > width) {
        int end = rest.lastIndexOf(' ', width);
        boolean space = end > 0;
        end = space ? end : width;
        lines.append(rest, 0, end).append('\n');
        rest = rest.substring(space ? end + 1 : end);
      }
      lines.append(rest);
    }
    return lines.toString();
  }
}
