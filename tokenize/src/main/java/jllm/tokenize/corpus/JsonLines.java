package jllm.tokenize.corpus;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import jllm.tokenize.text.Utf8;
import org.jspecify.annotations.Nullable;

/** JSON lines: each line an object, one field of which is the document. Blank lines are none. */
final class JsonLines implements SegmentReader.Handler {
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxStringLength(Integer.MAX_VALUE)
                  .maxNestingDepth(10_000)
                  .build())
          .build();

  private final CorpusReader reader;
  private final String origin;
  private final CorpusOptions options;

  JsonLines(CorpusReader reader, String origin, CorpusOptions options) {
    this.reader = reader;
    this.origin = origin;
    this.options = options;
  }

  @Override
  public boolean segment(
      byte[] buffer, int from, int to, boolean first, boolean last, long offset, long number) {
    int start = number == 1 && startsWithBom(buffer, from, to) ? from + 3 : from;
    if (isBlank(buffer, start, to)) {
      return true;
    }
    String where = origin + ": line " + number + ": ";
    byte[] line = buffer;
    int lineFrom = start;
    int lineTo = to;
    int bad = Utf8.firstInvalid(buffer, start, to);
    if (bad >= 0) {
      if (!options.replaceInvalid()) {
        reader.broken(
            String.format(
                "%sinvalid UTF-8 at byte offset %d (byte 0x%02X); convert the file to UTF-8, or ask"
                    + " for invalid bytes to be replaced",
                where, offset + bad - from, buffer[bad] & 0xff));
        return true;
      }
      line =
          new String(buffer, start, to - start, StandardCharsets.UTF_8)
              .getBytes(StandardCharsets.UTF_8);
      lineFrom = 0;
      lineTo = line.length;
    }
    String text = document(line, lineFrom, lineTo, where);
    if (text == null || text.isEmpty()) {
      return true;
    }
    if (!options.replaceInvalid() && hasLoneSurrogate(text)) {
      reader.broken(
          where
              + "the field '"
              + options.field()
              + "' has half a surrogate pair (\\uD800 to \\uDFFF alone), which is no character;"
              + " correct the line, or ask for invalid text to be replaced");
      return true;
    }
    return reader.emit(Utf8.bytes(text), true, true);
  }

  /** The document of a line, or null if the line is broken and was reported. */
  private @Nullable String document(byte[] line, int from, int to, String where) {
    try (JsonParser parser = JSON.createParser(line, from, to - from)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        reader.broken(where + "expected a JSON object, one a line, found " + shown(line, from, to));
        return null;
      }
      String text = null;
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        boolean wanted = text == null && parser.currentName().equals(options.field());
        JsonToken value = parser.nextToken();
        if (!wanted) {
          parser.skipChildren();
        } else if (value == JsonToken.VALUE_STRING) {
          text = parser.getText();
        } else {
          reader.broken(
              where
                  + "the field '"
                  + options.field()
                  + "' is not a string but "
                  + (value == null ? "missing" : value.name()));
          return null;
        }
      }
      if (parser.nextToken() != null) {
        reader.broken(where + "there is more after the JSON object; expected one object a line");
        return null;
      }
      if (text == null) {
        reader.broken(
            where + "no field '" + options.field() + "'; name the field that holds the text");
      }
      return text;
    } catch (JsonProcessingException e) {
      reader.broken(where + "not valid JSON: " + e.getOriginalMessage());
      return null;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String shown(byte[] line, int from, int to) {
    String text = new String(line, from, Math.min(to - from, 40), StandardCharsets.UTF_8).strip();
    return "'" + text + (to - from > 40 ? "..." : "") + "'";
  }

  private static boolean isBlank(byte[] buffer, int from, int to) {
    for (int i = from; i < to; i++) {
      if (buffer[i] != ' ' && buffer[i] != '\t' && buffer[i] != '\r') {
        return false;
      }
    }
    return true;
  }

  private static boolean startsWithBom(byte[] buffer, int from, int to) {
    return to - from >= 3
        && buffer[from] == (byte) 0xef
        && buffer[from + 1] == (byte) 0xbb
        && buffer[from + 2] == (byte) 0xbf;
  }

  private static boolean hasLoneSurrogate(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        if (!Character.isHighSurrogate(c)
            || i + 1 == text.length()
            || !Character.isLowSurrogate(text.charAt(i + 1))) {
          return true;
        }
        i++;
      }
    }
    return false;
  }
}
