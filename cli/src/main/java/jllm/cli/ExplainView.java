package jllm.cli;

import java.io.IOException;
import java.util.Locale;
import jllm.generate.Choice;
import jllm.generate.Choice.Alternative;
import jllm.tokenize.Tokenizer;
import org.jline.utils.WCWidth;

/**
 * Shows how each token is chosen: the most probable ones with bars for the model's own
 * probabilities, behind them what the filters made of it. The text follows at the end.
 */
final class ExplainView extends TextPrinter {
  private static final String EIGHTHS = " \u258f\u258e\u258d\u258c\u258b\u258a\u2589";
  private static final int PERCENT = 8;
  private static final int NARROWEST = 36;
  private static final int WIDEST = 100;

  private final StandardOutput out;
  private final Tokenizer tokenizer;
  private final boolean colours;
  private final int tokenWidth;
  private final int barWidth;
  private final int noteWidth;
  private int step;

  ExplainView(Streams streams, Tokenizer tokenizer) {
    this(
        streams.out(),
        tokenizer,
        streams.outIsTerminal() ? TerminalWidth.columns() : WIDEST,
        streams.outIsTerminal()
            && System.getenv("NO_COLOR") == null
            && !"dumb".equals(System.getenv("TERM")));
  }

  /**
   * @param columns of the terminal
   * @param colours whether there are any
   */
  ExplainView(StandardOutput out, Tokenizer tokenizer, int columns, boolean colours) {
    super(out, false);
    this.out = out;
    this.tokenizer = tokenizer;
    this.colours = colours;
    int width = Math.max(NARROWEST, Math.min(WIDEST, columns)) - 1;
    // Mark, token, percentage, bar, note.
    tokenWidth = Math.min(16, width / 4);
    noteWidth = Math.min(20, width / 3);
    barWidth = width - 2 - tokenWidth - PERCENT - 1 - noteWidth;
  }

  @Override
  public synchronized void chosen(Choice choice) throws IOException {
    StringBuilder text = new StringBuilder();
    step++;
    text.append(step > 1 ? "\n" : "").append("token ").append(step).append('\n');
    boolean listed = false;
    for (Alternative alternative : choice.best()) {
      boolean chosen = alternative.token() == choice.token();
      listed |= chosen;
      row(text, alternative, chosen);
    }
    if (!listed) {
      text.append("  ...\n");
      row(text, new Alternative(choice.token(), choice.logProbability(), Double.NaN, null), true);
    }
    out.print(text.toString());
  }

  private void row(StringBuilder text, Alternative alternative, boolean chosen) {
    double probability = Math.exp(alternative.logProbability());
    String dropped = alternative.droppedBy();
    String note =
        chosen && Double.isNaN(alternative.share())
            ? "chosen"
            : dropped != null
                ? "\u2717 " + dropped
                : String.format(Locale.ROOT, "\u2192 %.1f %%", 100 * alternative.share());
    String start = !colours ? "" : chosen ? "\u001b[1;32m" : dropped != null ? "\u001b[2m" : "";
    StringBuilder line = new StringBuilder();
    line.append(chosen ? "> " : "  ");
    line.append(fit("\"" + TokenText.visible(tokenizer, alternative.token()) + "\"", tokenWidth));
    line.append(String.format(Locale.ROOT, "%6.1f %%", 100 * probability));
    line.append(' ').append(bar(probability)).append(fit(note, noteWidth));
    text.append(start)
        .append(line.toString().stripTrailing())
        .append(start.isEmpty() ? "" : "\u001b[0m")
        .append('\n');
  }

  private String bar(double share) {
    int eighths = (int) Math.round(share * 8 * (barWidth - 1));
    String bar = "\u2588".repeat(eighths / 8);
    bar += eighths % 8 == 0 ? "" : EIGHTHS.substring(eighths % 8, eighths % 8 + 1);
    return bar + " ".repeat(barWidth - bar.length());
  }

  /** Cut or filled up to so many columns. */
  private static String fit(String text, int columns) {
    StringBuilder fitted = new StringBuilder();
    int used = 0;
    int whole = width(text);
    for (int i = 0; i < text.length(); ) {
      int codePoint = text.codePointAt(i);
      int width = Math.max(0, WCWidth.wcwidth(codePoint));
      if (used + width > columns - (whole > columns ? 1 : 0)) {
        fitted.append('\u2026');
        used++;
        break;
      }
      fitted.appendCodePoint(codePoint);
      used += width;
      i += Character.charCount(codePoint);
    }
    return fitted + " ".repeat(Math.max(0, columns - used));
  }

  private static int width(String text) {
    return text.codePoints().map(codePoint -> Math.max(0, WCWidth.wcwidth(codePoint))).sum();
  }

  @Override
  synchronized void finish(boolean terminal) throws IOException {
    out.print("\n");
    super.finish(true);
  }
}
