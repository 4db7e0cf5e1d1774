package jllm.generate.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.TextStyle;
import java.time.temporal.ChronoField;
import java.time.temporal.IsoFields;
import java.util.Locale;

/** C's {@code strftime} in the C locale, of a time without a zone. */
final class Strftime {
  private final LocalDateTime time;

  Strftime(LocalDateTime time) {
    this.time = time;
  }

  String format(String pattern) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < pattern.length(); i++) {
      char c = pattern.charAt(i);
      if (c != '%' || i + 1 == pattern.length()) {
        out.append(c);
        continue;
      }
      char code = pattern.charAt(++i);
      if ("-_0^#".indexOf(code) >= 0 && i + 1 < pattern.length()) {
        out.append(flagged(code, pattern.charAt(++i)));
      } else {
        out.append(field(code));
      }
    }
    return out.toString();
  }

  /** The GNU flags: no padding, spaces, zeros, upper case, swapped case. */
  private String flagged(char flag, char code) {
    String field = field(code);
    String digits = field.strip().replaceFirst("^0+(?=\\d)", "");
    return switch (flag) {
      case '-' -> digits;
      case '_' -> " ".repeat(field.length() - digits.length()) + digits;
      case '0' -> field.replace(' ', '0');
      case '^' -> field.toUpperCase(Locale.ROOT);
      default -> code == 'p' ? field.toLowerCase(Locale.ROOT) : field.toUpperCase(Locale.ROOT);
    };
  }

  private static String two(int number) {
    return "%02d".formatted(number);
  }

  private String field(char code) {
    int hour = time.getHour() % 12 == 0 ? 12 : time.getHour() % 12;
    return switch (code) {
      case 'd' -> two(time.getDayOfMonth());
      case 'e' -> "%2d".formatted(time.getDayOfMonth());
      case 'm' -> two(time.getMonthValue());
      case 'b', 'h' -> time.getMonth().getDisplayName(TextStyle.SHORT, Locale.US);
      case 'B' -> time.getMonth().getDisplayName(TextStyle.FULL, Locale.US);
      case 'a' -> time.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.US);
      case 'A' -> time.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.US);
      case 'y' -> two(time.getYear() % 100);
      case 'Y' -> String.valueOf(time.getYear());
      case 'C' -> two(time.getYear() / 100);
      case 'H' -> two(time.getHour());
      case 'I' -> two(hour);
      case 'k' -> "%2d".formatted(time.getHour());
      case 'l' -> "%2d".formatted(hour);
      case 'M' -> two(time.getMinute());
      case 'S' -> two(time.getSecond());
      case 'f' -> "%06d".formatted(time.getNano() / 1000);
      case 'p' -> time.getHour() < 12 ? "AM" : "PM";
      case 'P' -> time.getHour() < 12 ? "am" : "pm";
      case 'j' -> "%03d".formatted(time.getDayOfYear());
      case 'u' -> String.valueOf(time.getDayOfWeek().getValue());
      case 'w' -> String.valueOf(time.getDayOfWeek().getValue() % 7);
      case 'U' -> two((time.getDayOfYear() + 6 - time.getDayOfWeek().getValue() % 7) / 7);
      case 'W' -> two((time.getDayOfYear() + 6 - (time.getDayOfWeek().getValue() - 1)) / 7);
      case 'V' -> two(time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
      case 'G' -> String.valueOf(time.get(IsoFields.WEEK_BASED_YEAR));
      case 'g' -> two(time.get(IsoFields.WEEK_BASED_YEAR) % 100);
      case 'D', 'x' -> format("%m/%d/%y");
      case 'F' -> format("%Y-%m-%d");
      case 'T', 'X' -> format("%H:%M:%S");
      case 'R' -> format("%H:%M");
      case 'r' -> format("%I:%M:%S %p");
      case 'c' -> format("%a %b %e %H:%M:%S %Y");
      case 's' ->
          String.valueOf(
              time.atZone(java.time.ZoneId.systemDefault()).getLong(ChronoField.INSTANT_SECONDS));
      case 'z', 'Z' -> "";
      case 'n' -> "\n";
      case 't' -> "\t";
      case '%' -> "%";
      default -> "%" + code;
    };
  }

  /** The time as ISO 8601, for messages. */
  @Override
  public String toString() {
    return time.format(DateTimeFormatter.ISO_LOCAL_DATE_TIME);
  }
}
