package jllm.cli;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** What {@code --logit-bias} adds to the logit of a token. */
record LogitBias(int token, float bias) {
  private static final Pattern FORM =
      Pattern.compile("(\\d{1,9})([+-])(inf|\\d+(?:\\.\\d*)?|\\.\\d+)");
  private static final float MOST = 1000;

  /** Reads {@code TOKEN+BIAS} and {@code TOKEN-BIAS}. */
  static final class Converter implements ITypeConverter<LogitBias> {
    @Override
    public LogitBias convert(String text) {
      Matcher parts = FORM.matcher(text);
      if (!parts.matches()) {
        throw new TypeConversionException(
            "'"
                + text
                + "' is no bias, expected a token id, a sign and a number, as in 15043+1 or"
                + " 15043-inf");
      }
      boolean infinite = parts.group(3).equals("inf");
      float size = infinite ? Float.POSITIVE_INFINITY : Float.parseFloat(parts.group(3));
      float bias = parts.group(2).equals("-") ? -size : size;
      if (bias > MOST || (!infinite && bias < -MOST)) {
        throw new TypeConversionException(
            "the bias in '" + text + "' is out of range, expected -1000 to 1000, or -inf");
      }
      return new LogitBias(Integer.parseInt(parts.group(1)), bias);
    }
  }
}
