package jllm.format.model;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jllm.format.StoredTensor;
import jllm.format.safetensors.SafetensorsFile;
import org.jspecify.annotations.Nullable;

/** Finds weights by our names in the safetensors files of Hugging Face. */
final class HubWeights {
  private static final Pattern BLOCK = Pattern.compile("blk\\.(\\d+)\\.(\\w+)\\.(weight|bias)");
  private static final Pattern MODEL = Pattern.compile("(\\w+)\\.(weight|bias)");

  private final HubFormat format;
  private final SafetensorsFile file;
  private final int experts;

  HubWeights(HubFormat format, SafetensorsFile file, int experts) {
    this.format = format;
    this.file = file;
    this.experts = experts;
  }

  /** The weight of that name of ours, absent if the files have none. */
  @Nullable Weight find(String name) {
    Matcher block = BLOCK.matcher(name);
    if (block.matches()) {
      return inBlock(block.group(1), block.group(2), block.group(3));
    }
    Matcher model = MODEL.matcher(name);
    String hubName = model.matches() ? format.model().get(model.group(1)) : null;
    StoredTensor tensor = hubName == null ? null : stored(hubName + "." + model.group(2));
    return tensor == null ? null : plainOrNorm(name, tensor);
  }

  /** What the files call a weight of ours, for messages. */
  String hubName(String name) {
    Matcher block = BLOCK.matcher(name);
    if (block.matches()) {
      String part = format.block().get(block.group(2));
      return part == null
          ? name
          : format.blockPrefix() + block.group(1) + "." + part + "." + block.group(3);
    }
    int dot = name.lastIndexOf('.');
    String part = dot < 0 ? null : format.model().get(name.substring(0, dot));
    return part == null ? name : part + name.substring(dot);
  }

  private @Nullable Weight inBlock(String layer, String part, String suffix) {
    String hubPart = format.block().get(part);
    if (hubPart == null) {
      return null;
    }
    String hubName = format.blockPrefix() + layer + "." + hubPart + "." + suffix;
    if (hubName.contains("*")) {
      return stack(hubName);
    }
    StoredTensor tensor = stored(hubName);
    if (tensor == null) {
      return null;
    }
    boolean transposed = format.transposed().contains(part) && suffix.equals("weight");
    return transposed && tensor.shape().rank() == 2
        ? new Weight.Transposed(tensor)
        : plainOrNorm(part, tensor);
  }

  private Weight plainOrNorm(String name, StoredTensor tensor) {
    return format.normsLessOne() && name.contains("norm")
        ? new Weight.PlusOne(tensor)
        : new Weight.Stored(tensor, tensor.shape());
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
