package jllm.format.model;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** From our tensor names to those of a family's Hugging Face files. */
final class HubNames {
  private static final Pattern NAME = Pattern.compile("(?:blk\\.(\\d+)\\.)?(\\w+)\\.(weight|bias)");

  private final HubFormat format;

  HubNames(HubFormat format) {
    this.format = format;
  }

  /** A name of ours, taken apart: {@code layer} is absent outside of blocks. */
  record Parts(@Nullable String layer, String part, String suffix) {
    static @Nullable Parts of(String name) {
      Matcher parts = NAME.matcher(name);
      return parts.matches() ? new Parts(parts.group(1), parts.group(2), parts.group(3)) : null;
    }
  }

  /** What the files call a weight of ours; our own name where the family has none such. */
  String of(String name) {
    Parts parts = Parts.of(name);
    String found = parts == null ? null : find(parts);
    return found == null ? name : found;
  }

  /** What the files call a weight of ours, absent where the family has none such. */
  @Nullable String find(Parts parts) {
    if (parts.layer() == null) {
      String name = format.model().get(parts.part());
      return name == null ? null : name + "." + parts.suffix();
    }
    String part = format.block().get(parts.part());
    return part == null
        ? null
        : format.blockPrefix() + parts.layer() + "." + part + "." + parts.suffix();
  }
}
