package jllm.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One JSON value on standard output, indented, in UTF-8, with a line break at its end. */
final class Json implements AutoCloseable {
  private final @Nullable StandardOutput out;
  private final JsonGenerator generator;

  Json(StandardOutput out) throws IOException {
    this.out = out;
    DefaultPrettyPrinter printer =
        new DefaultPrettyPrinter().withObjectIndenter(new DefaultIndenter("  ", "\n"));
    generator = new JsonFactory().createGenerator(out).setPrettyPrinter(printer);
    generator.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
    generator.disable(JsonGenerator.Feature.AUTO_CLOSE_JSON_CONTENT);
  }

  private Json(Writer writer) throws IOException {
    generator = new JsonFactory().createGenerator(writer);
    out = null;
  }

  /** A value on one line. */
  static String compact(Object value) {
    StringWriter writer = new StringWriter();
    try (Json json = new Json(writer)) {
      json.value(value);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return writer.toString();
  }

  void begin() throws IOException {
    generator.writeStartObject();
  }

  /** A field that is an object. */
  void begin(String name) throws IOException {
    generator.writeObjectFieldStart(name);
  }

  /** A list at the top. */
  void array(List<?> values) throws IOException {
    value(values);
  }

  void end() throws IOException {
    generator.writeEndObject();
  }

  /**
   * @param value null, a string, number, truth value, array of ints, or a list or map of these
   */
  void field(String name, @Nullable Object value) throws IOException {
    generator.writeFieldName(name);
    value(value);
  }

  private void value(@Nullable Object value) throws IOException {
    switch (value) {
      case null -> generator.writeNull();
      case String text -> generator.writeString(text);
      case Boolean truth -> generator.writeBoolean(truth);
      case Integer number -> generator.writeNumber(number);
      case Long number -> generator.writeNumber(number);
      // JSON has no infinities.
      case Double number when Double.isFinite(number) -> generator.writeNumber(number);
      case Double number -> generator.writeString(number.toString());
      case int[] numbers -> generator.writeArray(numbers, 0, numbers.length);
      case List<?> list -> {
        generator.writeStartArray();
        for (Object element : list) {
          value(element);
        }
        generator.writeEndArray();
      }
      case Map<?, ?> map -> {
        generator.writeStartObject();
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          field(String.valueOf(entry.getKey()), entry.getValue());
        }
        generator.writeEndObject();
      }
      default -> throw new IllegalArgumentException("no JSON for " + value.getClass());
    }
  }

  @Override
  public void close() throws IOException {
    generator.close();
    if (out != null) {
      out.print("\n");
      out.flush();
    }
  }
}
