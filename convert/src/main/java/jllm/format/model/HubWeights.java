package jllm.format.model;

import java.util.ArrayList;
import java.util.List;
import jllm.format.StoredTensor;
import jllm.format.TensorFile;
import org.jspecify.annotations.Nullable;

/** Finds weights by our names in the files of Hugging Face. */
final class HubWeights {
  private final HubFormat format;
  private final HubNames names;
  private final TensorFile file;
  private final int heads;
  private final int experts;

  /**
   * @param heads H, 0 where only the presence of weights is asked for
   * @param experts E, likewise
   */
  HubWeights(HubFormat format, TensorFile file, int heads, int experts) {
    this.format = format;
    this.names = new HubNames(format);
    this.file = file;
    this.heads = heads;
    this.experts = experts;
  }

  /** The weight of that name of ours, absent if the files have none. */
  @Nullable Weight find(String name) {
    HubNames.Parts parts = HubNames.Parts.of(name);
    String hubName = parts == null ? null : names.find(parts);
    if (parts == null || hubName == null) {
      return null;
    }
    if (hubName.contains("*")) {
      return stack(hubName);
    }
    StoredTensor tensor = stored(hubName);
    return tensor == null ? null : format.layout(parts).read(tensor, heads);
  }

  /** What the files call a weight of ours, for messages. */
  String hubName(String name) {
    return names.of(name);
  }

  private @Nullable Weight stack(String hubName) {
    List<StoredTensor> parts = new ArrayList<>();
    for (int expert = 0; expert < experts; expert++) {
      StoredTensor part = stored(hubName.replace("*", Integer.toString(expert)));
      if (part == null) {
        return null;
      }
      parts.add(part);
    }
    return parts.isEmpty() ? null : Weight.Stacked.of(hubName, parts);
  }

  /** Models saved without their head lack the first part of each name. */
  private @Nullable StoredTensor stored(String name) {
    StoredTensor tensor = file.tensor(name);
    return tensor != null ? tensor : file.tensor(name.substring(name.indexOf('.') + 1));
  }
}
