package jllm.cli;

import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import jllm.format.ModelFile;
import jllm.format.ModelFormatException;
import jllm.format.values.ModelComparison;
import jllm.format.values.TensorDifference;
import jllm.format.values.ValueDifference;
import org.jspecify.annotations.Nullable;

/** Two models, and where they differ, for people or as JSON. */
final class ModelDiff {
  /** How keys and queries lie in a file belongs to its format. */
  private static final String PAIRING = "position.pairing";

  private final ModelFile first;
  private final ModelFile second;

  /** The relative difference of values up to which they count as equal; absent = none. */
  private final @Nullable Double tolerance;

  private final boolean full;
  private final List<TensorDifference> tensors = new ArrayList<>();
  private final Map<String, List<@Nullable Object>> config;
  private final Map<String, List<@Nullable Object>> metadata;

  ModelDiff(ModelFile first, ModelFile second, @Nullable Double tolerance, boolean full)
      throws IOException {
    this.first = first;
    this.second = second;
    this.tolerance = tolerance;
    this.full = full;
    config = differences(config(first), config(second));
    boolean comparable = first.format().equals(second.format());
    metadata = comparable ? differences(first.metadata(), second.metadata()) : Map.of();
    ModelComparison.compare(first, second, tensors::add);
  }

  /** Whether nothing differs that counts. */
  boolean isEqual() {
    return tensors.stream().allMatch(this::isEqual)
        && (tolerance != null || config.isEmpty() && metadata.isEmpty());
  }

  private boolean isEqual(TensorDifference tensor) {
    if (!(tensor instanceof TensorDifference.Values found)) {
      return false;
    }
    if (tolerance == null) {
      return found.isSame();
    }
    ValueDifference difference = found.values();
    return found.equal() || difference != null && difference.relative() <= tolerance;
  }

  private static Map<String, Object> config(ModelFile file) {
    Map<String, Object> fields = new LinkedHashMap<>();
    try {
      flatten("", file.config(), fields);
    } catch (ModelFormatException unknown) {
      return Map.of();
    }
    fields.remove(PAIRING);
    return fields;
  }

  /** The fields of a record, those of records in it by their paths. */
  private static void flatten(String prefix, Record fields, Map<String, Object> into) {
    for (RecordComponent component : fields.getClass().getRecordComponents()) {
      Object value;
      try {
        value = component.getAccessor().invoke(fields);
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
      String name = prefix + component.getName();
      if (value instanceof Record inner) {
        into.put(name, inner.getClass().getSimpleName());
        flatten(name + ".", inner, into);
      } else {
        into.put(name, String.valueOf(value));
      }
    }
  }

  private static Map<String, List<@Nullable Object>> differences(
      Map<String, Object> first, Map<String, Object> second) {
    Set<String> names = new LinkedHashSet<>(first.keySet());
    names.addAll(second.keySet());
    Map<String, List<@Nullable Object>> differing = new LinkedHashMap<>();
    for (String name : names) {
      Object a = first.get(name);
      Object b = second.get(name);
      if (!Objects.equals(a, b)) {
        List<@Nullable Object> pair = new ArrayList<>();
        pair.add(a);
        pair.add(b);
        differing.put(name, pair);
      }
    }
    return differing;
  }

  String text() {
    StringBuilder text = new StringBuilder();
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("first", first.path() + " (" + first.format() + ")");
    facts.put("second", second.path() + " (" + second.format() + ")");
    text.append(Facts.text(facts));
    section(text, "configuration", config);
    section(text, "metadata", metadata);
    List<TensorDifference> shown = tensors.stream().filter(t -> full || !isEqual(t)).toList();
    if (!shown.isEmpty()) {
      text.append('\n')
          .append(
              new Table<TensorDifference>()
                  .left("tensor", TensorDifference::name)
                  .left("difference", ModelDiff::what)
                  .right("greatest", tensor -> number(tensor, false))
                  .right("relative", tensor -> number(tensor, true))
                  .text(shown));
    }
    long equal = tensors.stream().filter(this::isEqual).count();
    text.append('\n')
        .append(
            isEqual()
                ? "equal: " + equal + " tensors" + within() + "\n"
                : "different: "
                    + (tensors.size() - equal)
                    + " of "
                    + tensors.size()
                    + " tensors"
                    + within()
                    + "\n");
    return text.toString();
  }

  private String within() {
    return tolerance == null
        ? ""
        : String.format(Locale.ROOT, ", relative differences to %s allowed", tolerance);
  }

  private void section(
      StringBuilder text, String title, Map<String, List<@Nullable Object>> differing) {
    if (!differing.isEmpty()) {
      text.append('\n')
          .append(
              new Table<Map.Entry<String, List<@Nullable Object>>>()
                  .left(title, Map.Entry::getKey)
                  .left("first", entry -> show(entry.getValue().get(0)))
                  .left("second", entry -> show(entry.getValue().get(1)))
                  .text(differing.entrySet()));
    }
  }

  private String show(@Nullable Object value) {
    return value == null ? "-" : Abbreviation.line(value, full);
  }

  private static String what(TensorDifference difference) {
    return switch (difference) {
      case TensorDifference.Missing missing ->
          missing.inFirst() ? "only in the first" : "only in the second";
      case TensorDifference.Shapes shapes -> shapes.first() + " and " + shapes.second();
      case TensorDifference.Values values -> {
        boolean sameType = values.firstType().equals(values.secondType());
        String types =
            sameType ? values.firstType() : values.firstType() + " and " + values.secondType();
        yield values.equal() ? types + ", equal values" : types;
      }
    };
  }

  private static String number(TensorDifference difference, boolean relative) {
    ValueDifference found =
        difference instanceof TensorDifference.Values values ? values.values() : null;
    return found == null
        ? ""
        : String.format(Locale.ROOT, "%.3g", relative ? found.relative() : found.greatest());
  }

  void writeJson(StandardOutput out) throws IOException {
    try (Json json = new Json(out)) {
      json.begin();
      json.field("first", first.path().toString());
      json.field("second", second.path().toString());
      json.field("equal", isEqual());
      json.field("tolerance", tolerance);
      json.field("config", config);
      json.begin("metadata");
      for (Map.Entry<String, List<@Nullable Object>> entry : metadata.entrySet()) {
        List<@Nullable Object> pair = new ArrayList<>();
        entry
            .getValue()
            .forEach(value -> pair.add(value == null ? null : Abbreviation.of(value, full)));
        json.field(entry.getKey(), pair);
      }
      json.end();
      json.field("tensors", tensors.stream().map(this::describe).toList());
      json.end();
    }
  }

  private Map<String, @Nullable Object> describe(TensorDifference difference) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("name", difference.name());
    values.put("equal", isEqual(difference));
    switch (difference) {
      case TensorDifference.Missing missing ->
          values.put("only_in", missing.inFirst() ? "first" : "second");
      case TensorDifference.Shapes shapes ->
          values.put("shapes", List.of(shapes.first().toString(), shapes.second().toString()));
      case TensorDifference.Values found -> {
        values.put("types", List.of(found.firstType(), found.secondType()));
        ValueDifference distance = found.values();
        if (distance != null) {
          values.put("greatest_difference", distance.greatest());
          values.put("relative_difference", distance.relative());
        }
      }
    }
    return values;
  }
}
